namespace IommuKit.Cli.Output;

/// <summary>The fields of an output, as docs/json.md has them.</summary>
internal interface IFieldList
{
    /// <summary>How docs/json.md marks the table of these fields.</summary>
    string Name { get; }

    /// <summary>Each field: its name, its type in JSON, and what it says.</summary>
    IReadOnlyList<(string Name, string Type, string Meaning)> Rows { get; }
}

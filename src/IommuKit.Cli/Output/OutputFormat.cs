namespace IommuKit.Cli.Output;

/// <summary>How results are written.</summary>
internal enum OutputFormat
{
    Table,
    Json,
    JsonLines,
    Csv,
    Markdown,
}

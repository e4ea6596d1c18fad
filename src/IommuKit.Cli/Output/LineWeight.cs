namespace IommuKit.Cli.Output;

/// <summary>What goes first where a terminal is too short for everything.</summary>
internal enum LineWeight
{
    /// <summary>Stays: without it the answer is another one.</summary>
    Answer,

    /// <summary>Tells more of what stays: goes last.</summary>
    Detail,

    /// <summary>More of the same.</summary>
    Further,

    /// <summary>How the numbers were got: goes after the blank lines.</summary>
    Note,
}

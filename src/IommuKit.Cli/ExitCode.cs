namespace IommuKit.Cli;

/// <summary>What the command's exit codes mean.</summary>
internal static class ExitCode
{
    /// <summary>It did what was asked.</summary>
    public const int Success = 0;

    /// <summary>What was asked, or a file that was named, cannot be used.</summary>
    public const int BadUse = 2;
}

namespace IommuKit.Cli.Invocation;

/// <summary>What the command's exit codes mean. README.md and docs/json.md list them.</summary>
internal static class ExitCode
{
    /// <summary>It did what was asked.</summary>
    public const int Success = 0;

    /// <summary>A check found something wrong.</summary>
    public const int Violation = 1;

    /// <summary>What was asked, or a file that was named, cannot be used.</summary>
    public const int BadUse = 2;

    /// <summary>
    /// A check could not tell: a planted bug was not found, or a finding could not be made to happen in the model. Or nothing was mapped while a
    /// recording went on.
    /// </summary>
    public const int Inconclusive = 3;

    /// <summary>This machine or its kernel does not have what is needed.</summary>
    public const int Unavailable = 69;

    /// <summary>A defect of the command itself.</summary>
    public const int Defect = 70;

    /// <summary>The kernel refused something, or a recording could not be written.</summary>
    public const int Failed = 74;

    /// <summary>The user has not the rights for it.</summary>
    public const int NotPermitted = 77;

    /// <summary>The terminal went away (128 + SIGHUP).</summary>
    public const int HungUp = 129;

    /// <summary>The user broke off (128 + SIGINT).</summary>
    public const int Interrupted = 130;

    /// <summary>It was told to end (128 + SIGTERM).</summary>
    public const int Terminated = 143;
}

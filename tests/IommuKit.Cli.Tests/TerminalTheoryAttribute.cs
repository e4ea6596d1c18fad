namespace IommuKit.Cli.Tests;

/// <summary>A test of what happens on a terminal, which <c>script</c> makes.</summary>
internal sealed class TerminalTheoryAttribute : TheoryAttribute
{
    public TerminalTheoryAttribute()
    {
        Skip = OperatingSystem.IsLinux() && File.Exists("/usr/bin/script") ? null : "left out: it needs Linux, with script(1)";
    }
}

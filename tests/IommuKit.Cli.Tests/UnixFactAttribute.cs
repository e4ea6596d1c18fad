namespace IommuKit.Cli.Tests;

/// <summary>A test of pipes, devices and signals as Linux has them.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        Skip = OperatingSystem.IsLinux() ? null : "left out: it needs Linux";
    }
}

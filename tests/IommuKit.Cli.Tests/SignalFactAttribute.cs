namespace IommuKit.Cli.Tests;

/// <summary>
/// A test that sends SIGINT to its own process. In the background of a script, that and all that it starts ignore it, as they should: then it is left
/// out.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SignalFactAttribute : FactAttribute
{
    private const int Interrupt = 2;

    public SignalFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "Linux only.";
        }
        else if (IsIgnored())
        {
            Skip = "SIGINT is ignored here: run the tests in the foreground.";
        }
    }

    private static bool IsIgnored()
    {
        string mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:")).Split('\t')[1];
        return (Convert.ToUInt64(mask, 16) >> (Interrupt - 1) & 1) != 0;
    }
}

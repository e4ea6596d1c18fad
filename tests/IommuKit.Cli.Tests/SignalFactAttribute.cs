namespace IommuKit.Cli.Tests;

/// <summary>
/// A test that sends a signal to its own process. In the background of a script, that and all that it starts ignore SIGINT, and under nohup SIGHUP, as
/// they should: then it is left out.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SignalFactAttribute : FactAttribute
{
    public const int HangUp = 1;
    public const int Interrupt = 2;

    public SignalFactAttribute(int signal = Interrupt)
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "Linux only.";
        }
        else if (IsIgnored(signal))
        {
            Skip = "the signal is ignored here: run the tests in the foreground.";
        }
    }

    private static bool IsIgnored(int signal)
    {
        string mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:")).Split('\t')[1];
        return (Convert.ToUInt64(mask, 16) >> (signal - 1) & 1) != 0;
    }
}

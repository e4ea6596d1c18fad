using System.Diagnostics;
using System.Runtime;

namespace IommuKit.Lab;

/// <summary>
/// Lets the runtime finish compiling what is going to be timed: it starts with code that is made quickly, and replaces what is used much by code that
/// is quick, in several steps that each wait for 100 ms without new code.
/// </summary>
internal static class Rehearsal
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private static readonly bool IsTiered =
        !IsOff("System.Runtime.TieredCompilation") && Environment.GetEnvironmentVariable("DOTNET_TieredCompilation") != "0";

    /// <summary>Repeats work until nothing was compiled for a while, or for ten seconds if something else in the process goes on compiling.</summary>
    /// <param name="work">Everything that will be timed, often enough at a time to count as much used: some tens of times.</param>
    public static void Repeat(Action work)
    {
        if (!IsTiered)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        long last = start;
        long compiled = -1;
        while (Stopwatch.GetElapsedTime(last) < Quiet && Stopwatch.GetElapsedTime(start) < Longest)
        {
            work();
            if (JitInfo.GetCompiledMethodCount() is var now && now != compiled)
            {
                compiled = now;
                last = Stopwatch.GetTimestamp();
            }
        }
    }

    private static bool IsOff(string setting) => AppContext.TryGetSwitch(setting, out bool isOn) && !isOn;
}

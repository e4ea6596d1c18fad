using System.Runtime;

namespace IommuKit.Cli.HostTime;

/// <summary>
/// Lets the runtime finish compiling what is going to be timed: it starts with code that is made quickly, and replaces what is used much by code that
/// is quick, in several steps. Before each it waits until no new code was made for a while: 100 ms, and ten times as long where it has one processor.
/// </summary>
internal static class Rehearsal
{
    private const double QuietSteps = 2.5;
    private const int MaxSteps = 100;

    // Code that is waiting to be replaced is counted in one repetition and used in the next.
    private const int QuietRepeats = 2;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private static readonly bool IsTiered =
        !IsOff("System.Runtime.TieredCompilation") && Environment.GetEnvironmentVariable("DOTNET_TieredCompilation") != "0";

    /// <summary>Repeats work until nothing was compiled for longer than the runtime waits.</summary>
    /// <param name="work">Everything that will be timed, often enough at a time to count as much used: some tens of times.</param>
    /// <returns>Whether the code is final; false if something in the process went on compiling for a hundred times as long as that.</returns>
    public static bool Repeat(Action work) =>
        !IsTiered || Repeat(work, TimeProvider.System, () => JitInfo.GetCompiledMethodCount(), Environment.ProcessorCount);

    /// <inheritdoc cref="Repeat(Action)"/>
    /// <param name="work">Everything that will be timed.</param>
    /// <param name="clock">Measures how long it is quiet.</param>
    /// <param name="countCompiled">Methods that were compiled so far.</param>
    /// <param name="processors">Processors that the runtime has.</param>
    internal static bool Repeat(Action work, TimeProvider clock, Func<long> countCompiled, int processors)
    {
        var step = processors == 1 ? 10 * Step : Step;
        long start = clock.GetTimestamp();
        long last = start;
        long compiled = -1;
        int repeats = 0;
        while (repeats < QuietRepeats || clock.GetElapsedTime(last) < QuietSteps * step)
        {
            if (clock.GetElapsedTime(start) >= MaxSteps * step)
            {
                return false;
            }

            work();
            repeats++;
            if (countCompiled() is var now && now != compiled)
            {
                compiled = now;
                last = clock.GetTimestamp();
                repeats = 0;
            }
        }

        return true;
    }

    private static bool IsOff(string setting) => AppContext.TryGetSwitch(setting, out bool isOn) && !isOn;
}

using IommuKit.Cli.HostTime;

namespace IommuKit.Cli.Tests.HostTime;

/// <summary>Nothing is timed before the runtime has made the final code of it, however many processors there are.</summary>
public class RehearsalTests
{
    /// <summary>
    /// The runtime waits for 100 ms without new code before each step, and ten times as long with one processor: its settings
    /// TC_CallCountingDelayMs and TC_DelaySingleProcMultiplier.
    /// </summary>
    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 100)]
    [InlineData(64, 100)]
    public void Work_is_repeated_until_every_step_is_over(int processors, int delay)
    {
        foreach (int length in (int[])[1, 30, 400])
        {
            var runtime = new Runtime(TimeSpan.FromMilliseconds(delay), steps: 3);
            Rehearsal.Repeat(() => runtime.Run(TimeSpan.FromMilliseconds(length)), runtime, () => runtime.Compiled, processors).ShouldBeTrue();
            runtime.StepsLeft.ShouldBe(0, $"{processors} processors, {length} ms");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Code_that_never_ends_to_be_made_is_not_final(int processors)
    {
        var runtime = new Runtime(TimeSpan.FromMilliseconds(50), steps: int.MaxValue);
        Rehearsal.Repeat(() => runtime.Run(TimeSpan.FromMilliseconds(60)), runtime, () => runtime.Compiled, processors).ShouldBeFalse();
    }

    /// <summary>
    /// A runtime whose time goes on only while work is done. When no new code was made for a delay it starts to count calls, and makes new code when
    /// the work is done once more.
    /// </summary>
    private sealed class Runtime(TimeSpan delay, int steps) : TimeProvider
    {
        private TimeSpan _now;
        private TimeSpan _last;
        private bool _isCounting;

        public long Compiled { get; private set; }

        public int StepsLeft { get; private set; } = steps;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now.Ticks;

        public void Run(TimeSpan length)
        {
            if (_isCounting && StepsLeft != 0)
            {
                Compiled++;
                StepsLeft--;
                _last = _now;
                _isCounting = false;
            }

            _now += length;
            _isCounting = _now - _last >= delay;
        }
    }
}

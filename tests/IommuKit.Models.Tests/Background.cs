namespace IommuKit.Models.Tests;

/// <summary>Work on a thread of its own, for tests of what waits for what. Fails the test that asks for its end with what it failed with.</summary>
internal sealed class Background
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    private readonly Thread _thread;
    private Exception? _failure;

    private Background(Action work)
    {
        _thread = new Thread(() => _failure = Record.Exception(work)) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Starts work.</summary>
    public static Background Run(Action work) => new(work);

    /// <summary>It ends, however loaded the machine is.</summary>
    public void ShouldEnd()
    {
        _thread.Join(Patience).ShouldBeTrue("It waits for something that does not come.");
        _failure.ShouldBeNull();
    }

    /// <summary>It does not end for a moment: a slow machine lets this pass, but never fails it.</summary>
    public void ShouldWait() => _thread.Join(Moment).ShouldBeFalse("It should have waited.");
}

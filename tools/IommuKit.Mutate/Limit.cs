namespace IommuKit.Mutate;

/// <summary>How long a program may run.</summary>
/// <param name="Processor">Of processor time, which does not depend on what else the machine does.</param>
/// <param name="Clock">By the clock, for what waits for ever.</param>
internal readonly record struct Limit(TimeSpan Processor, TimeSpan Clock)
{
    // A mutant that takes so many times longer does not end, for all that anybody cares.
    private const int Slack = 4;

    // By the clock more, because others may use the machine now and did not before.
    private const int ClockSlack = 10;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    /// <summary>For programs that end.</summary>
    public static Limit OfTools { get; } = new(TimeSpan.FromMinutes(20), TimeSpan.FromMinutes(60));

    /// <summary>For something that takes so long without a mutant.</summary>
    public static Limit Of(TimeSpan processor, TimeSpan clock) => new((Slack * processor) + Grace, (ClockSlack * clock) + Grace);
}

namespace IommuKit.Traces.Audit;

/// <summary>How often something was found, where first, and what it costs.</summary>
internal sealed class Tally
{
    public long Count { get; private set; }

    public long FirstLine { get; private set; }

    public long Cost { get; private set; }

    /// <summary>Counts one.</summary>
    /// <param name="line">Its line.</param>
    /// <param name="cost">What it costs, 0 or more, in the unit of the caller.</param>
    public void Add(long line, ulong cost)
    {
        FirstLine = Count++ == 0 ? line : Math.Min(FirstLine, line);
        AddCost(cost);
    }

    /// <summary>Adds to the cost of what is counted elsewhere.</summary>
    public void AddCost(ulong cost) => Cost = Saturating.Add(Cost, cost);
}

namespace IommuKit.Lab.Machines;

/// <summary>Commands of one kind that name blocks of one size.</summary>
/// <param name="Kind">The name of the kind (<see cref="CommandKind.Name"/>).</param>
/// <param name="Pages">How many pages each names, by the units of the command; null if it names none.</param>
/// <param name="Count">How many commands.</param>
public sealed record CommandCount(string Kind, ulong? Pages, long Count)
{
    /// <summary>Whether it waits for others. No kernel records those.</summary>
    public bool IsWait { get; init; }

    /// <summary>Counts of several tallies as if they were of one, by kind and then by pages.</summary>
    public static IReadOnlyList<CommandCount> Sum(IEnumerable<CommandCount> counts) =>
    [
        .. counts
            .GroupBy(one => (one.Kind, one.Pages, one.IsWait))
            .Select(same => new CommandCount(same.Key.Kind, same.Key.Pages, same.Sum(one => one.Count)) { IsWait = same.Key.IsWait })
            .OrderBy(one => one.Kind, StringComparer.Ordinal)
            .ThenBy(one => one.Pages ?? 0),
    ];
}

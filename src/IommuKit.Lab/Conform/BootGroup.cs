namespace IommuKit.Lab.Conform;

/// <summary>A map, or unmaps whose invalidations the recorded kernel gathered.</summary>
/// <param name="Events">What was mapped or unmapped, in order.</param>
internal sealed record BootGroup(IReadOnlyList<BootEvent> Events)
{
    /// <summary>Its first event, which has its place and its commands.</summary>
    public BootEvent First => Events[0];

    /// <summary>The commands, as they were recorded.</summary>
    public IReadOnlyList<string> Commands => First.Commands;

    /// <summary>
    /// The groups of a boot, each where its last event is. An unmap without commands that goes on where the one right before it ended was gathered with
    /// it, whether the recording says so or not.
    /// </summary>
    internal static List<BootGroup> Of(IEnumerable<BootEvent> events)
    {
        var groups = new List<(int Last, List<BootEvent> Events)>();
        int number = 0;
        int unmap = -1;
        ulong? end = null;
        foreach (var one in events)
        {
            bool isGathered = one.IsGathered || (one.Commands.Count == 0 && one.Iova == end);
            end = one.IsMap ? null : one.Iova + one.Size;
            if (!one.IsMap && isGathered && unmap >= 0)
            {
                groups[unmap].Events.Add(one);
                groups[unmap] = (number, groups[unmap].Events);
            }
            else
            {
                unmap = one.IsMap ? unmap : groups.Count;
                groups.Add((number, [one]));
            }

            number++;
        }

        return [.. groups.OrderBy(group => group.Last).Select(group => new BootGroup(group.Events))];
    }
}

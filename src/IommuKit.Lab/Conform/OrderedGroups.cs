namespace IommuKit.Lab.Conform;

/// <summary>
/// Finds the maps and unmaps that commands are for by their ranges and their order, where maps have commands as unmaps do and a range alone does not tell
/// which of them a command is for.
/// </summary>
internal sealed class OrderedGroups
{
    // How far a command may be behind its map or unmap: processors wait for their own commands only.
    private const int MostAhead = 400;

    // How many maps and unmaps of other processors may stand between entries of a list, and commands between those of neighbours.
    private const int MostBetween = 8;

    private readonly IReadOnlyList<BootEvent> _events;
    private readonly IConformDriver _driver;
    private readonly bool[] _isTaken;

    private OrderedGroups(IReadOnlyList<BootEvent> events, IConformDriver driver)
    {
        _events = events;
        _driver = driver;
        _isTaken = new bool[events.Count];
    }

    /// <summary>The groups: entries of a scatter list that have one command, or a map or unmap.</summary>
    /// <param name="events">The maps and unmaps, in order.</param>
    /// <param name="commands">All commands, in order.</param>
    /// <param name="driver">The driver that knows what a command is for.</param>
    /// <returns>Each where its last event is. Those for which no command was found have none.</returns>
    public static List<BootGroup> Of(IReadOnlyList<BootEvent> events, IEnumerable<string> commands, IConformDriver driver) =>
        new OrderedGroups(events, driver).Match([.. Batches(commands, driver)]);

    /// <summary>The commands up to each wait, as far as they have one of an address space in them.</summary>
    private static IEnumerable<(string OfSpace, IReadOnlyList<string> All)> Batches(IEnumerable<string> commands, IConformDriver driver)
    {
        var batch = new List<string>();
        foreach (string command in commands)
        {
            batch.Add(command);
            if (!command.StartsWith("wait ", StringComparison.Ordinal))
            {
                continue;
            }

            if (batch.Find(one => driver.AddressSpaceOf(one) is not null) is { } ofSpace)
            {
                yield return (ofSpace, batch);
            }

            batch = [];
        }
    }

    private List<BootGroup> Match(IReadOnlyList<(string OfSpace, IReadOnlyList<string> All)> batches)
    {
        var groups = new List<(int Last, BootGroup Group)>();
        int first = 0;
        for (int batch = 0; batch < batches.Count; batch++)
        {
            while (first < _events.Count && _isTaken[first])
            {
                first++;
            }

            var found = Find(first, batches, batch);
            if (found.Count != 0)
            {
                found.ForEach(index => _isTaken[index] = true);
                groups.Add((found[^1], new BootGroup([.. found.Select((index, place) => _events[index] with { Commands = place == 0 ? batches[batch].All : [] })])));
            }
        }

        groups.AddRange(_events.Index().Where(one => !_isTaken[one.Index]).Select(one => (one.Index, new BootGroup([one.Item with { Commands = [] }]))));
        return [.. groups.OrderBy(group => group.Last).Select(group => group.Group)];
    }

    /// <summary>The first event without a command whose range is that of a command; of a list, with the entries that go on where the one before ends.</summary>
    private List<int> Find(int first, IReadOnlyList<(string OfSpace, IReadOnlyList<string> All)> batches, int batch)
    {
        string command = batches[batch].OfSpace;
        int seen = 0;
        for (int start = first; start < _events.Count && seen < MostAhead; start++)
        {
            if (_isTaken[start])
            {
                continue;
            }

            seen++;
            var list = new List<int>();
            int count = 0;
            foreach (int index in ListFrom(start))
            {
                // A neighbour with a command of its own is no entry of the list.
                if (count != 0 && batches.Skip(batch + 1).Take(MostBetween).Any(next => IsFor(next.OfSpace, _events[index], _events[index])))
                {
                    break;
                }

                list.Add(index);
                count = IsFor(command, _events[start], _events[index]) ? list.Count : count;
            }

            if (count != 0)
            {
                return list[..count];
            }
        }

        return [];
    }

    private IEnumerable<int> ListFrom(int start)
    {
        bool isMap = _events[start].IsMap;
        ulong end = _events[start].Iova;
        int between = 0;
        for (int at = start; at < _events.Count && between <= MostBetween; at++)
        {
            if (!_isTaken[at] && _events[at].IsMap == isMap && _events[at].Iova == end)
            {
                yield return at;
                end += _events[at].Size;
                between = 0;
            }
            else
            {
                between++;
            }
        }
    }

    private bool IsFor(string command, BootEvent first, BootEvent last) => _driver.IsFor(command, first.Iova, last.Iova + last.Size - 1, first.IsMap);
}

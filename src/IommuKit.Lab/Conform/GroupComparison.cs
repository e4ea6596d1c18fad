using System.Globalization;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Conform;

/// <summary>Has a driver do the maps and unmaps of a recorded kernel, and compares the commands of each group.</summary>
/// <remarks>
/// A recorded map does not say its address space. The commands of an unmap do, and so it is that of the last map of the same IOVA before: groups without
/// a command that names one are left out, with their maps. Where maps have commands too, those tell theirs. (A flush queue invalidates later; and a domain that no device is in needs nothing.)
/// </remarks>
internal sealed class GroupComparison
{
    private readonly IConformDriver _driver;
    private readonly List<BootGroup> _groups;
    private readonly string?[] _spaceOf;
    private readonly Dictionary<string, IommuDomain> _domains = new(StringComparer.Ordinal);
    private readonly HashSet<string> _isDeferred;
    private readonly Func<BootEvent, bool> _mustHaveCommands;
    private readonly List<ConformDifference> _differences = [];

    public GroupComparison(RecordedBoot boot, IConformDriver driver)
    {
        _driver = driver;
        _groups = driver.InvalidatesMaps ? OrderedGroups.Of([.. boot.Events()], boot.Commands(), driver) : BootGroup.Of(boot.Events());
        _spaceOf = new string?[_groups.Count];
        AssignSpaces();

        // Where every group drops everything, the kernel gathered in a queue, if it had that many.
        _isDeferred = _groups.Zip(_spaceOf)
            .Where(pair => pair is { First.First.IsMap: false, Second: not null })
            .GroupBy(pair => pair.Second!, StringComparer.Ordinal)
            .Where(space => space.All(pair => pair.First.Commands.Any(driver.DropsAll)))
            .Select(space => space.Key)
            .ToHashSet(StringComparer.Ordinal);
        if (boot.DeferredGroups is { } most && _isDeferred.Count > most)
        {
            _isDeferred.Clear();
        }

        _mustHaveCommands = MustHaveCommands(boot);
    }

    /// <summary>Groups that were compared.</summary>
    public int Count { get; private set; }

    /// <summary>Groups with the recorded commands.</summary>
    public int Equal { get; private set; }

    /// <summary>Unmaps without commands of their own.</summary>
    public int LeftOut { get; private set; }

    /// <summary>Address spaces that are taken for invalidated from a queue, by their groups.</summary>
    public int Deferred => _isDeferred.Count;

    /// <summary>What differs.</summary>
    public IReadOnlyList<ConformDifference> Differences => _differences;

    public void Run()
    {
        for (int i = 0; i < _groups.Count; i++)
        {
            var group = _groups[i];
            if (_spaceOf[i] is { } space)
            {
                Do(group, space);
                Compare(group, _driver.TakeCommands(space));
            }
            else if (!group.First.IsMap)
            {
                LeaveOut(group);
            }
        }

        if (Count == 0 && _groups.Find(group => !group.First.IsMap) is { First: var unmap })
        {
            Differ(unmap, "no command for any map or unmap", "commands for those of domains with devices", known: null);
        }
    }

    /// <summary>
    /// An unmap without a command: right in a domain without devices, and where a queue invalidates later; elsewhere a device could still use what was
    /// unmapped, or the recording is not whole.
    /// </summary>
    private void LeaveOut(BootGroup group)
    {
        if (_mustHaveCommands(group.First))
        {
            Differ(group.First, "no command", "an invalidation: devices are in its domain, by what else is recorded, and no queue does it later", known: null);
            return;
        }

        LeftOut += group.Events.Count;
    }

    /// <summary>
    /// Which unmaps the recorded kernel had to invalidate at once, as far as the recording tells: all in whose step no device came or went, if no group of
    /// devices has a queue; if some were given one, those before. Where it does not tell, none.
    /// </summary>
    private static Func<BootEvent, bool> MustHaveCommands(RecordedBoot boot) => (boot.DeferredGroups, boot.IsStrict) switch
    {
        (0, _) => unmap => !unmap.IsWhereDevicesMove,
        (not null, true) => unmap => !unmap.IsWhereDevicesMove && !unmap.IsAfterTypeChange,
        _ => _ => false,
    };

    /// <summary>Gives each group of unmaps its address space, and that to the maps that it ends.</summary>
    private void AssignSpaces()
    {
        var maps = new Dictionary<ulong, List<int>>();
        for (int i = 0; i < _groups.Count; i++)
        {
            var group = _groups[i];
            _spaceOf[i] = group.Commands.Select(_driver.AddressSpaceOf).FirstOrDefault(space => space is not null);
            if (group.First.IsMap)
            {
                if (!maps.TryGetValue(group.First.Iova, out var same))
                {
                    maps[group.First.Iova] = same = [];
                }

                same.Add(i);
                continue;
            }

            foreach (var unmap in group.Events)
            {
                EndMaps(maps, unmap, _spaceOf[i]);
            }
        }
    }

    private void EndMaps(Dictionary<ulong, List<int>> maps, BootEvent unmap, string? space)
    {
        for (ulong at = unmap.Iova; at - unmap.Iova < unmap.Size;)
        {
            if (!maps.TryGetValue(at, out var same) || same.Count == 0)
            {
                return;
            }

            // Several address spaces may map an IOVA; if sizes differ, one of the same size is more likely.
            int place = same.FindLastIndex(map => IsOf(map, space) && SizeOf(map) == unmap.Size - (at - unmap.Iova));
            place = place < 0 ? same.FindLastIndex(map => IsOf(map, space)) : place;
            if (place < 0)
            {
                return;
            }

            _spaceOf[same[place]] = space;
            at += Math.Max(SizeOf(same[place]), 1);
            same.RemoveAt(place);
        }
    }

    private bool IsOf(int map, string? space) => _spaceOf[map] is null || _spaceOf[map] == space;

    private ulong SizeOf(int group) => _groups[group].Events.Aggregate(0ul, (sum, one) => sum + one.Size);

    private void Do(BootGroup group, string space)
    {
        if (!_domains.TryGetValue(space, out var domain))
        {
            _domains[space] = domain = _driver.CreateDomain(space, _isDeferred.Contains(space));
            _ = _driver.TakeCommands(space);
        }

        if (group.First.IsMap)
        {
            PhysicalRange[] list = [.. group.Events.Select(one => new PhysicalRange(one.PhysicalAddress, one.Size))];
            _ = domain.TryMapScatterGather(group.First.Iova, list, Protection.Read | Protection.Write, out _);
            return;
        }

        for (int i = 0; i < group.Events.Count;)
        {
            // What was gathered is one range.
            ulong first = group.Events[i].Iova;
            ulong end = first;
            for (; i < group.Events.Count && group.Events[i].Iova == end; i++)
            {
                end += group.Events[i].Size;
            }

            _ = domain.TryUnmap(first, end - first, out _);
        }

        if (_isDeferred.Contains(space))
        {
            domain.Flush();
        }
    }

    private void Compare(BootGroup group, IReadOnlyList<string> seen)
    {
        string[] recorded = [.. group.Commands.Where(_driver.IsCompared).Select(_driver.Comparable)];
        if (group.First.IsMap && recorded.Length == 0 && seen.Count == 0)
        {
            return;
        }

        Count++;
        if (recorded.SequenceEqual(seen, StringComparer.Ordinal))
        {
            Equal++;
            return;
        }

        Differ(group.First, string.Join("; ", recorded), string.Join("; ", seen), _driver.KnownDifference(group, recorded, seen));
    }

    private void Differ(BootEvent first, string recorded, string seen, string? known) => _differences.Add(new ConformDifference(
        first.Section,
        string.Create(CultureInfo.InvariantCulture, $"line {first.LineNumber}: {(first.IsMap ? "map" : "unmap")} 0x{first.Iova:x}, {first.Size} bytes"),
        recorded,
        seen,
        known));
}

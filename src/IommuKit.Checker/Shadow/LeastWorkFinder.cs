using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>Finds the least maintenance that would have done, from what hardware held when it was in step last and what changed since.</summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
internal sealed class LeastWorkFinder<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private readonly TrackedPages<TFormat> _pages;
    private readonly ShadowTraits _traits;
    private readonly ShadowHardware<TFormat> _hardware;
    private readonly ulong[] _cpu;
    private readonly int _spaces;

    // As they were when hardware was in step with everything.
    private readonly ulong[] _cpuInStep;
    private readonly ShadowState _inStep;

    /// <summary>Makes a finder; hardware is in step now.</summary>
    public LeastWorkFinder(
        TrackedPages<TFormat> pages, ShadowTraits traits, ShadowHardware<TFormat> hardware, ulong[] cpu, int spaces, ShadowState state)
    {
        _pages = pages;
        _traits = traits;
        _hardware = hardware;
        _cpu = cpu;
        _spaces = spaces;
        _cpuInStep = [.. cpu];
        _inStep = hardware.NewState();
        _inStep.CopyFrom(state);
    }

    /// <summary>The least that would have brought hardware into step since the last call. Hardware is in step now.</summary>
    public LeastWork Take(ShadowState state, Expectations expected)
    {
        ulong before = 0;
        ulong now = 0;
        for (int space = 0; space < _spaces; space++)
        {
            before |= Reachable(_inStep, space, _cpuInStep);
            now |= Reachable(state, space, _cpu);
        }

        var lines = new HashSet<ulong>();
        var tableLines = new HashSet<ulong>();
        for (int entry = 0; entry < _cpu.Length; entry++)
        {
            int cell = entry / _pages.Offsets.Length;
            if ((now & (1ul << cell)) == 0)
            {
                continue;
            }

            if ((before & (1ul << cell)) == 0)
            {
                AddCell(lines, cell, _traits.HasCoherentWalk ? 0 : _traits.CpuLine);
                AddHeldLines(tableLines, cell);
            }
            else if (_cpu[entry] != _cpuInStep[entry])
            {
                ulong address = _pages.AddressOf(entry);
                AddLine(lines, address, _traits.HasCoherentWalk ? 0 : _traits.CpuLine);
                AddLine(tableLines, address, (_inStep.Cached[entry] & ~_cpu[entry]) != 0 ? _traits.TableCacheLine : 0);
            }
        }

        long drops = 0;
        for (int domain = 0; domain < expected.Domains; domain++)
        {
            drops += LeastDrops(domain, expected);
        }

        _cpu.CopyTo(_cpuInStep, 0);
        _inStep.CopyFrom(state);
        int barriers = lines.Count == 0 ? 0 : 1;
        int waits = _traits.HasPostedCommands && tableLines.Count + drops != 0 ? 1 : 0;
        return new LeastWork(lines.Count, barriers, tableLines.Count, drops, waits);
    }

    private static void AddLine(HashSet<ulong> lines, ulong address, int bytes)
    {
        if (bytes != 0)
        {
            lines.Add(address / (ulong)bytes);
        }
    }

    private void AddCell(HashSet<ulong> lines, int cell, int bytes)
    {
        ulong start = _pages.CellStart(cell);
        for (ulong offset = 0; bytes != 0 && offset < 1ul << _pages.CellLog2; offset += (ulong)bytes)
        {
            AddLine(lines, start + offset, bytes);
        }
    }

    private void AddHeldLines(HashSet<ulong> lines, int cell)
    {
        ulong start = _pages.CellStart(cell);
        for (ulong offset = 0; _traits.TableCacheLine != 0 && offset < 1ul << _pages.CellLog2; offset += (ulong)_traits.TableCacheLine)
        {
            if (_hardware.MayHoldLines(_inStep, start + offset, start + offset))
            {
                AddLine(lines, start + offset, _traits.TableCacheLine);
            }
        }
    }

    private ulong Reachable(ShadowState state, int space, ulong[] values)
    {
        ulong cells = 0;
        for (int page = 0; page < _pages.Count; page++)
        {
            cells |= _hardware.CellsOnTheWay(state, space, page, values);
        }

        return cells;
    }

    /// <summary>The fewest invalidations that drop what is stale and nothing that is right.</summary>
    private long LeastDrops(int domain, Expectations expected)
    {
        int device = Array.IndexOf(expected.DomainOf, domain);
        if (device < 0 || _inStep.Routes[device] >= (ulong)_spaces)
        {
            return 0;
        }

        int space = (int)_inStep.Routes[device];
        return LeastDrops(space, domain, expected, 0, _pages.Count, _traits.DropSizes.Count - 1);
    }

    private long LeastDrops(int space, int domain, Expectations expected, int first, int end, int size)
    {
        bool isStale = false;
        bool isLive = false;
        for (int page = first; page < end; page++)
        {
            ulong held = _inStep.Translations[(space * _pages.Count) + page];
            bool isWrong = (held & ~expected.IntendedOf(domain, page)) != 0;
            isStale |= isWrong;
            isLive |= !isWrong && (held & ~1ul) != 0;
        }

        if (!isStale)
        {
            return 0;
        }

        if (!isLive || size <= 0)
        {
            return 1;
        }

        // What this size would drop besides is in use: smaller ones.
        long drops = 0;
        ulong bytes = _traits.DropSizes[size - 1];
        for (int start = first; start < end;)
        {
            int next = start;
            while (next < end && _pages[next] / bytes == _pages[start] / bytes)
            {
                next++;
            }

            drops += LeastDrops(space, domain, expected, start, next, size - 1);
            start = next;
        }

        return drops;
    }
}

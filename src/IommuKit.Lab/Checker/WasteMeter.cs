using IommuKit.Lab.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Checker;

/// <summary>Counts maintenance that is for nothing, and the least that would have done.</summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
internal sealed class WasteMeter<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private readonly WasteCounts _counts;
    private readonly TrackedPages<TFormat> _pages;
    private readonly ShadowTraits _traits;
    private readonly ShadowHardware<TFormat> _hardware;
    private readonly ulong[] _cpu;
    private readonly int _spaces;

    // As they were when hardware was in step with everything.
    private readonly ulong[] _cpuInStep;
    private readonly ShadowState _inStep;
    private bool _hasWritten;

    /// <summary>Makes a meter; hardware is in step now.</summary>
    public WasteMeter(
        WasteCounts counts,
        TrackedPages<TFormat> pages,
        ShadowTraits traits,
        ShadowHardware<TFormat> hardware,
        ulong[] cpu,
        int spaces,
        ShadowState state)
    {
        _counts = counts;
        _pages = pages;
        _traits = traits;
        _hardware = hardware;
        _cpu = cpu;
        _spaces = spaces;
        _cpuInStep = [.. cpu];
        _inStep = hardware.NewState();
        _inStep.CopyFrom(state);
    }

    /// <summary>Lines are about to be cleaned.</summary>
    public void Cleaning(PhysicalMemory memory, ulong address, ulong bytes)
    {
        ulong mask = (ulong)_traits.CpuLine - 1;
        for (ulong line = address & ~mask; line - (address & ~mask) < bytes + (address & mask); line += mask + 1)
        {
            _counts.Cleans++;
            _counts.CleansOfCleanLines += memory.IsDirty(line, mask + 1) ? 0 : 1;
        }
    }

    /// <summary>A barrier is about to be passed.</summary>
    public void Ordering(bool hasCleaned)
    {
        _counts.Barriers++;
        _counts.BarriersAfterNothing += hasCleaned ? 0 : 1;
    }

    /// <summary>A register is about to be read.</summary>
    public void Waiting(in MaintenanceStep step)
    {
        if (step.Purpose == RegisterPurpose.Completion)
        {
            _counts.Waits++;
            _counts.WaitsForNothing += _hasWritten ? 0 : 1;
        }

        _hasWritten = false;
    }

    /// <summary>A register is about to be written.</summary>
    public void Writing(in ShadowCommand command, ShadowState state)
    {
        _hasWritten = true;
        if (command.Kind == ShadowCommandKind.DropTableCache)
        {
            DropTableCache(command, state);
        }
        else if (command.IsDrop)
        {
            DropTranslations(command, state);
        }
    }

    /// <summary>The least that would have brought hardware into step since the last call. Hardware is in step now.</summary>
    public LeastWork TakeLeast(ShadowState state, Expectations expected)
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
        return new LeastWork(lines.Count, lines.Count == 0 ? 0 : 1, tableLines.Count, drops, _traits.HasPostedCommands && tableLines.Count + drops != 0 ? 1 : 0);
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

    private void DropTableCache(in ShadowCommand command, ShadowState state)
    {
        _counts.TableCacheDrops++;
        bool isEverything = command.Last - command.First >= _pages.PoolBytes;
        bool isLooked = false;
        for (int entry = 0; entry < _cpu.Length; entry++)
        {
            if (isEverything || command.Covers(_pages.AddressOf(entry)))
            {
                isLooked = true;
                if ((state.Cached[entry] & ~_cpu[entry]) != 0)
                {
                    return;
                }
            }
        }

        if (isEverything)
        {
            return;
        }

        if (!_hardware.MayHoldLines(state, command.First, command.Last))
        {
            _counts.TableCacheDropsOfNothing++;
        }
        else if (isLooked)
        {
            _counts.TableCacheDropsOfCurrent++;
        }
    }

    private void DropTranslations(in ShadowCommand command, ShadowState state)
    {
        _counts.TranslationDrops++;
        var (first, end) = _pages.Range(command.First, command.Last);
        bool isHeld = false;
        bool isStale = false;
        for (int space = 0; space < _spaces; space++)
        {
            for (int page = first; page < end && command.Concerns(space); page++)
            {
                ulong held = state.Translations[(space * _pages.Count) + page];
                ulong right = _hardware.WalkWith(state, space, page, _cpu);
                isHeld |= held != 0;
                isStale |= (held & ~right) != 0;
                _counts.LiveTranslationsDropped += (held & right & ~1ul) != 0 ? 1 : 0;
            }
        }

        if (command.Kind == ShadowCommandKind.DropTranslationsAndTables && _hardware.HoldsStaleTables(state, command, _cpu))
        {
            return;
        }

        if (first < end && !isStale)
        {
            _counts.TranslationDropsOfNothing += isHeld ? 0 : 1;
            _counts.TranslationDropsOfCurrent += isHeld ? 1 : 0;
        }
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

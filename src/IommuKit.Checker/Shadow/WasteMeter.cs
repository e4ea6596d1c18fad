using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>Counts maintenance, and what of it is for nothing.</summary>
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
    private bool _hasWritten;

    /// <summary>Makes a meter; no register has been written yet that is to be waited for.</summary>
    public WasteMeter(
        WasteCounts counts, TrackedPages<TFormat> pages, ShadowTraits traits, ShadowHardware<TFormat> hardware, ulong[] cpu, int spaces)
    {
        _counts = counts;
        _pages = pages;
        _traits = traits;
        _hardware = hardware;
        _cpu = cpu;
        _spaces = spaces;
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

    /// <summary>A register is about to be read or written.</summary>
    public void Accessing(in MaintenanceStep step)
    {
        if (step.Kind is not (MaintenanceKind.RegisterRead or MaintenanceKind.StatusRead))
        {
            _hasWritten = true;
            return;
        }

        if (step.Kind == MaintenanceKind.StatusRead || step.Purpose == RegisterPurpose.Completion)
        {
            _counts.Waits++;
            _counts.WaitsForNothing += _hasWritten ? 0 : 1;
        }

        _hasWritten = false;
    }

    /// <summary>A command is about to take effect.</summary>
    public void Dropping(in ShadowCommand command, ShadowState state)
    {
        if (command.Kind == ShadowCommandKind.DropTableCache)
        {
            DropTableCache(command, state);
        }
        else if (command.IsDrop)
        {
            DropTranslations(command, state);
        }
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
}

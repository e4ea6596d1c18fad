using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// What caches between a page table and a device may hold at the worst: an entry may be fetched whenever it can be reached, a line written back
/// whenever it is dirty, and anything dropped whenever hardware likes.
/// </summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
/// <param name="pages">What is looked at.</param>
/// <param name="traits">What the hardware may do.</param>
/// <param name="spaces">Address spaces, numbered from 0.</param>
/// <param name="devices">Devices, numbered from 0.</param>
internal sealed partial class ShadowHardware<TFormat>(TrackedPages<TFormat> pages, ShadowTraits traits, int spaces, int devices)
    where TFormat : struct, IPageTableFormat
{
    /// <summary>The translation of a page that has none; its bit is the lowest of each set.</summary>
    public const ulong NotPresent = 0;

    /// <summary>The translation that comes of a table outside of table memory: nobody can say what it is.</summary>
    public const ulong Unknown = ulong.MaxValue;

    private readonly int _linesPerCell = traits.TableCacheLine == 0 ? 0 : (1 << pages.CellLog2) / traits.TableCacheLine;

    /// <summary>The values that entries had.</summary>
    public DistinctValues Values { get; } = new(pages.Entries);

    /// <summary>The translations that pages had, packed by <see cref="Pack"/>.</summary>
    public DistinctValues Translations { get; } = NewTranslations(pages.Count);

    /// <summary>What memory may hold of each entry.</summary>
    public ulong[] Memory { get; } = new ulong[pages.Entries];

    /// <summary>A translation as a number: the physical address, and the rights in bits that an address of a page has not.</summary>
    public static ulong Pack(ulong physicalAddress, Protection rights) =>
        physicalAddress | (uint)(rights & (Protection.Read | Protection.Write));

    /// <summary>A state in which nothing is held.</summary>
    public ShadowState NewState() => new(pages.Entries, pages.Cells, _linesPerCell, spaces, pages.RootLevel + 1, pages.Count, devices);

    /// <summary>The state before anything is done.</summary>
    public ShadowState FirstState()
    {
        var state = NewState();
        for (int at = 0; traits.StartsUnknown && at < state.Translations.Length; at++)
        {
            state.Translations[at] = Translations.BitOf(at % pages.Count, Unknown);
        }

        return state;
    }

    /// <summary>Lets a write take effect.</summary>
    public void Apply(ShadowState state, in ShadowCommand command)
    {
        switch (command.Kind)
        {
            case ShadowCommandKind.DropTableCache:
                DropTableCache(state, command);
                break;
            case ShadowCommandKind.DropTranslations:
            case ShadowCommandKind.DropTranslationsAndTables:
                DropTranslations(state, command);
                break;
            case ShadowCommandKind.DropDeviceTranslations:
                DropDeviceTranslations(state, command);
                break;
            case ShadowCommandKind.SetRoot when command.Subject < spaces:
                state.Roots[command.Subject] = command.First;
                break;
            case ShadowCommandKind.SetRoute:
                state.Routes[command.Subject] = command.First;
                state.HeldRoutes[command.Subject] = RouteBit(command.First);
                break;
            case ShadowCommandKind.StoreRoute:
                state.Routes[command.Subject] = command.First;
                ref ulong held = ref state.HeldRoutes[command.Subject];
                held = (traits.CachesAbsentRoutes ? held : held & ~ShadowState.NoRoute) | RouteBit(command.First);
                break;
            case ShadowCommandKind.StoreRoot when command.Subject < spaces:
                StoreRoot(state, command.Subject, command.First);
                break;
            case ShadowCommandKind.DropRoutes:
                DropRoutes(state, command);
                break;
        }
    }

    /// <summary>
    /// Whether a command can change anything that is looked at. Where each page is a command there are hundreds between two waits, of which nearly all
    /// are for other pages; a state for each of those would be the same as the one before.
    /// </summary>
    public bool IsConcerned(in ShadowCommand command)
    {
        if (command.Kind is not (ShadowCommandKind.DropTranslations
            or ShadowCommandKind.DropTranslationsAndTables
            or ShadowCommandKind.DropDeviceTranslations))
        {
            return true;
        }

        var (first, end) = pages.Range(command.First, command.Last);
        return first < end;
    }

    /// <summary>Lets hardware fetch everything that it can.</summary>
    public void Fetch(ShadowState state)
    {
        ulong used = 0;
        foreach (ulong held in state.HeldRoutes)
        {
            used |= held;
        }

        for (used &= ~ShadowState.NoRoute; used != 0; used &= used - 1)
        {
            FetchSpace(state, BitOperations.TrailingZeroCount(used));
        }

        if (traits.HasDeviceTlbs)
        {
            FetchIntoDevices(state);
        }
    }

    /// <summary>Every translation that a walk can come to from some sets of values.</summary>
    /// <param name="state">For roots, and for the walk cache if that takes part.</param>
    /// <param name="space">The address space.</param>
    /// <param name="page">The page.</param>
    /// <param name="values">What is read of each entry.</param>
    public ulong WalkWith(ShadowState state, int space, int page, ulong[] values)
    {
        ulong root = state.Roots[space];
        if (root == ShadowCommand.Nothing)
        {
            return 1;
        }

        int cell = pages.CellOf(root, pages.RootLevel);
        return cell < 0 ? Translations.BitOf(page, Unknown) : WalkPlain(pages.RootLevel, cell, page, values);
    }

    /// <summary>The cells of the tables that a walk can come through; one bit for each.</summary>
    /// <param name="state">For roots.</param>
    /// <param name="space">The address space.</param>
    /// <param name="page">The page.</param>
    /// <param name="values">What is read of each entry.</param>
    public ulong CellsOnTheWay(ShadowState state, int space, int page, ulong[] values)
    {
        ulong root = state.Roots[space];
        int cell = pages.CellOf(root, pages.RootLevel);
        ulong cells = 0;
        for (int level = pages.RootLevel; cell >= 0; level--)
        {
            cells |= pages.CellsOf(level, cell);
            int entry = pages.EntryOf(level, cell, page);
            ulong value = Values.ValueOf(entry, values[entry]);
            cell = level != 0 && value != 0 && TFormat.IsTable(value, level) ? pages.CellOf(TFormat.TableAddress(value), level - 1) : -1;
        }

        return cells;
    }

    /// <summary>Whether the walk cache may hold tables, among what a command drops, that are no longer on the way.</summary>
    public bool HoldsStaleTables(ShadowState state, in ShadowCommand command, ulong[] values)
    {
        var (first, end) = pages.Range(command.First, command.Last);
        for (int space = 0; space < spaces; space++)
        {
            for (int page = first; page < end && command.Concerns(space); page++)
            {
                ulong current = CellsOnTheWay(state, space, page, values);
                for (int level = 0; level < pages.RootLevel; level++)
                {
                    if ((state.Walks[WalkIndex(space, level, page)] & ~current) != 0)
                    {
                        return true;
                    }
                }
            }
        }

        return false;
    }

    /// <summary>Whether lines of the table cache may hold something of an address range.</summary>
    public bool MayHoldLines(ShadowState state, ulong first, ulong last)
    {
        int words = ShadowState.LineWords(_linesPerCell);
        for (ulong line = first; line <= last && words != 0; line += (ulong)traits.TableCacheLine)
        {
            int cell = pages.CellAt(line);
            int inCell = (int)(line & ((1ul << pages.CellLog2) - 1)) / traits.TableCacheLine;
            if (cell >= 0 && (state.Lines[(cell * words) + (inCell / 64)] & (1ul << (inCell % 64))) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private static DistinctValues NewTranslations(int count)
    {
        var translations = new DistinctValues(count);
        for (int page = 0; page < count; page++)
        {
            translations.BitOf(page, NotPresent);
        }

        return translations;
    }

    private void DropTableCache(ShadowState state, in ShadowCommand command)
    {
        int words = ShadowState.LineWords(_linesPerCell);
        if (words == 0)
        {
            return;
        }

        if (command.Last - command.First >= pages.PoolBytes)
        {
            Array.Clear(state.Cached);
            Array.Clear(state.Lines);
            return;
        }

        for (ulong line = command.First; line <= command.Last; line += (ulong)traits.TableCacheLine)
        {
            ulong cellStart = line & ~((1ul << pages.CellLog2) - 1);
            int cell = pages.CellAt(line);
            if (cell < 0)
            {
                continue;
            }

            int offset = (int)(line - cellStart);
            int number = offset / traits.TableCacheLine;
            state.Lines[(cell * words) + (number / 64)] &= ~(1ul << (number % 64));
            for (int slot = 0; slot < pages.Offsets.Length; slot++)
            {
                if ((uint)(pages.Offsets[slot] - offset) < (uint)traits.TableCacheLine)
                {
                    state.Cached[(cell * pages.Offsets.Length) + slot] = 0;
                }
            }
        }
    }

    private ulong RouteBit(ulong route) => route < (ulong)spaces ? 1ul << (int)route : ShadowState.NoRoute;

    private void DropRoutes(ShadowState state, in ShadowCommand command)
    {
        for (int device = 0; device < devices; device++)
        {
            if (!command.Concerns(device))
            {
                continue;
            }

            // From First to Last, where the bit of no address space is the highest.
            ulong dropped = 0;
            for (ulong held = state.HeldRoutes[device]; held != 0; held &= held - 1)
            {
                int space = BitOperations.TrailingZeroCount(held);
                if (command.Covers((ulong)space))
                {
                    dropped |= 1ul << space;
                    if (space < spaces)
                    {
                        state.OldRoots[space] = ShadowCommand.Nothing;
                    }
                }
            }

            state.HeldRoutes[device] = (state.HeldRoutes[device] & ~dropped) | RouteBit(state.Routes[device]);
        }
    }

    private static void StoreRoot(ShadowState state, int space, ulong root)
    {
        ref ulong current = ref state.Roots[space];
        if (current == root)
        {
            return;
        }

        // Somebody whose entry for a device is still remembered has the old one too.
        bool isHeld = Array.Exists(state.HeldRoutes, held => (held & (1ul << space)) != 0);
        if (isHeld && current != ShadowCommand.Nothing)
        {
            state.OldRoots[space] = current;
        }

        current = root;
    }

    private void DropTranslations(ShadowState state, in ShadowCommand command)
    {
        var (first, end) = pages.Range(command.First, command.Last);
        for (int space = 0; space < spaces; space++)
        {
            if (!command.Concerns(space))
            {
                continue;
            }

            for (int page = first; page < end; page++)
            {
                state.Translations[(space * pages.Count) + page] = 0;
                if (command.Kind == ShadowCommandKind.DropTranslationsAndTables)
                {
                    for (int level = 0; level <= pages.RootLevel; level++)
                    {
                        state.Walks[WalkIndex(space, level, page)] = 0;
                    }
                }
            }
        }
    }

    private void DropDeviceTranslations(ShadowState state, in ShadowCommand command)
    {
        var (first, end) = pages.Range(command.First, command.Last);
        for (int device = 0; device < devices && first < end; device++)
        {
            if (command.Concerns(device))
            {
                state.DeviceTlbs.AsSpan((device * pages.Count) + first, end - first).Clear();
            }
        }
    }

    private int WalkIndex(int space, int level, int page) => (((space * (pages.RootLevel + 1)) + level) * pages.Count) + page;
}

using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <content>Walks in every way that hardware may do them.</content>
internal sealed partial class ShadowHardware<TFormat>
{
    private void FetchSpace(ShadowState state, int space)
    {
        ulong old = state.OldRoots[space];
        ulong touched = 0;
        for (int page = 0; page < pages.Count; page++)
        {
            ulong walk = WalkFrom(state, space, state.Roots[space], page, ref touched);
            if (old != ShadowCommand.Nothing)
            {
                walk |= WalkFrom(state, space, old, page, ref touched);
            }

            int at = (space * pages.Count) + page;
            state.Translations[at] |= traits.CachesInvalidEntries ? walk : walk & ~1ul;
            state.Answers[at] = walk | state.Translations[at];
        }
    }

    /// <summary>Devices ask for everything that they may be given, and keep what is present.</summary>
    private void FetchIntoDevices(ShadowState state)
    {
        for (int device = 0; device < devices; device++)
        {
            for (ulong held = state.HeldRoutes[device] & ~ShadowState.NoRoute; held != 0; held &= held - 1)
            {
                int space = BitOperations.TrailingZeroCount(held);
                for (int page = 0; page < pages.Count; page++)
                {
                    state.DeviceTlbs[(device * pages.Count) + page] |= state.Answers[(space * pages.Count) + page] & ~1ul;
                }
            }
        }
    }

    private ulong WalkFrom(ShadowState state, int space, ulong root, int page, ref ulong touched)
    {
        int cell = pages.CellOf(root, pages.RootLevel);
        return root == ShadowCommand.Nothing ? 1
            : cell < 0 ? Translations.BitOf(page, Unknown)
            : Walk(state, space, pages.RootLevel, cell, page, ref touched);
    }

    /// <summary>Walks in every way that memory, the table cache and the walk cache allow, and lets them remember what is read.</summary>
    private ulong Walk(ShadowState state, int space, int level, int cell, int page, ref ulong touched)
    {
        int entry = pages.EntryOf(level, cell, page);
        ulong read = Memory[entry];
        if (traits.TableCacheLine != 0)
        {
            TouchTable(state, level, cell, ref touched);
            read = state.Cached[entry];
        }

        ulong found = 0;
        ulong tables = 0;
        for (ulong rest = read; rest != 0; rest &= rest - 1)
        {
            ulong value = Values.ValueOf(entry, rest);
            if (level != 0 && value != 0 && TFormat.IsTable(value, level))
            {
                int next = pages.CellOf(TFormat.TableAddress(value), level - 1);
                if (next < 0)
                {
                    found |= Translations.BitOf(page, Unknown);
                }
                else
                {
                    tables |= 1ul << next;
                }
            }
            else
            {
                found |= LeafOf(value, level, page);
            }
        }

        if (traits.HasWalkCache && level != 0)
        {
            ref ulong remembered = ref state.Walks[WalkIndex(space, level - 1, page)];
            remembered |= tables;
            tables = remembered;
        }

        for (; tables != 0; tables &= tables - 1)
        {
            found |= Walk(state, space, level - 1, BitOperations.TrailingZeroCount(tables), page, ref touched);
        }

        return found;
    }

    private ulong WalkPlain(int level, int cell, int page, ulong[] values)
    {
        int entry = pages.EntryOf(level, cell, page);
        ulong found = 0;
        for (ulong rest = values[entry]; rest != 0; rest &= rest - 1)
        {
            ulong value = Values.ValueOf(entry, rest);
            if (level != 0 && value != 0 && TFormat.IsTable(value, level))
            {
                int next = pages.CellOf(TFormat.TableAddress(value), level - 1);
                found |= next < 0 ? Translations.BitOf(page, Unknown) : WalkPlain(level - 1, next, page, values);
            }
            else
            {
                found |= LeafOf(value, level, page);
            }
        }

        return found;
    }

    private ulong LeafOf(ulong value, int level, int page)
    {
        if (value == 0 || TFormat.LeafProtection(value, level) is not (var rights and not Protection.None))
        {
            return 1;
        }

        ulong offset = pages[page] & ((1ul << TFormat.LeafSizeLog2(value, level)) - 1);

        // The leaves of a group hold either the start of it or each its own piece.
        ulong address = TFormat.GroupsRepeatOneEntry
            ? TFormat.LeafAddress(value, level) + offset
            : TFormat.LeafAddress(value, level) + (offset & ((1ul << TFormat.EntryShift(level)) - 1));
        return Translations.BitOf(page, Pack(address, rights));
    }

    /// <summary>
    /// Lets the table cache hold every line of a table that can be reached: a device may use any IOVA, also those that are not looked at.
    /// </summary>
    private void TouchTable(ShadowState state, int level, int cell, ref ulong touched)
    {
        ulong cells = pages.CellsOf(level, cell) & ~touched;
        touched |= cells;
        int words = ShadowState.LineWords(_linesPerCell);
        for (; cells != 0; cells &= cells - 1)
        {
            int one = BitOperations.TrailingZeroCount(cells);
            for (int slot = one * pages.Offsets.Length; slot < (one + 1) * pages.Offsets.Length; slot++)
            {
                state.Cached[slot] |= Memory[slot];
            }

            state.Lines.AsSpan(one * words, words).Fill(_linesPerCell >= 64 ? ulong.MaxValue : (1ul << _linesPerCell) - 1);
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <content>Translation and faults.</content>
public sealed partial class TegraSmmuModel<TMemory>
{
    private const uint PageMask = (1u << TegraEntry.PageShift) - 1;

    private readonly HitCount _tlbHits = new();
    private long _tlbMisses;
    private long _faults;

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request) => TryHit(request, out uint word, out int number, out int missed)
        ? PageOf(request.Iova, word)
        : TranslateWithLock(request, number, missed);

    /// <summary>Translates what was no hit.</summary>
    /// <param name="request">The transaction.</param>
    /// <param name="number">The count of changes before it was looked at.</param>
    /// <param name="missed">The address space for which the TLB had nothing then; negative if that is not known.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateWithLock(in DmaRequest request, int number, int missed)
    {
        Translation translation;
        lock (_gate)
        {
            translation = missed >= 0 && _changes.IsUnchanged(number) ? Answer(request, WalkAndKeep(missed, (uint)request.Iova)) : TranslateLocked(request);
            if (translation.IsAllowed)
            {
                // Only a fault changes the interrupt.
                return translation;
            }

            UpdateInterrupt();
        }

        Accesses.WhenEnded(_tell);
        return translation;
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
        lock (_gate)
        {
            Record(request, TegraFaultType.DecodeError, TegraMc.Interrupt.DecodeErrorEmem, rights: 0, physicalAddress);
            UpdateInterrupt();
        }

        Accesses.WhenEnded(_tell);
    }

    /// <summary>Translates by the TLB where that changes nothing but the count of hits, and takes no lock for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHit(in DmaRequest request, out uint word, out int number, out int missed)
    {
        word = 0;
        missed = -1;
        uint iova = (uint)request.Iova;
        if (!_changes.TryBegin(out number)
            || !_tlb.MayPeek
            || !IsTranslated(request.Source, out uint selector, out bool isWide)
            || !TryFindAsid(request.Iova, selector, isWide, out int asid))
        {
            return false;
        }

        if (!_tlb.TryPeek(asid, iova, out word))
        {
            missed = asid;
            return false;
        }

        if (!IsAllowed(request, word) || !_changes.IsUnchanged(number))
        {
            return false;
        }

        _tlbHits.Add();
        return true;
    }

    private Translation TranslateLocked(in DmaRequest request)
    {
        if (!IsTranslated(request.Source, out uint selector, out bool isWide))
        {
            ulong last = (1ul << _soc.PhysicalBits) - 1;
            if (request.Iova > last)
            {
                // No translation failed; there is just nothing at such an address.
                Record(request, TegraFaultType.DecodeError, TegraMc.Interrupt.DecodeErrorEmem, rights: 0, request.Iova);
                return Translation.Fault;
            }

            return new Translation(IsAllowed: true, 0, last + 1, 0, Protection.Read | Protection.Write);
        }

        if (!TryFindAsid(request.Iova, selector, isWide, out int asid))
        {
            return Fault(request, rights: 0);
        }

        uint iova = (uint)request.Iova;
        var words = _tlb.Find(asid, iova);
        if (words.IsEmpty)
        {
            return Answer(request, WalkAndKeep(asid, iova));
        }

        _tlbHits.Add();
        return Answer(request, words[PageInLine(iova)]);
    }

    /// <summary>Reads what the TLB does not hold, and lets it hold that.</summary>
    /// <returns>The word of the page.</returns>
    private uint WalkAndKeep(int asid, uint iova)
    {
        _tlbMisses++;
        long flushes = _tlb.Flushes;
        uint root = _roots[asid];
        if ((root & TegraEntry.RightsMask) == 0
            || !TryEntriesAtHand(TegraEntry.Address(root), iova >> TegraEntry.SectionShift, sizeof(uint), out var directory))
        {
            return WalkAndKeep(asid, iova, root, directoryEntry: null, flushes);
        }

        // How it mostly is: pages, whose entries are in one line of the page-table cache, or in memory that is at hand.
        uint entry = directory[0];
        if ((entry & TegraEntry.Next) == 0
            || !TryEntriesAtHand(TegraEntry.Address(entry), FirstIndexOfGroup(iova), _tlb.PagesPerLine * sizeof(uint), out var entries))
        {
            return WalkAndKeep(asid, iova, root, entry, flushes);
        }

        uint mask = TegraEntry.FrameMask | (root & entry & TegraEntry.RightsMask);
        if (flushes == _tlb.Flushes)
        {
            _changes.Begin();
            if (_tlb.Add(asid, iova) is { IsEmpty: false } line)
            {
                Restrict(entries, mask, line);
            }

            _changes.End();
        }

        return entries[PageInLine(iova)] & mask;
    }

    /// <summary>As the above, for whatever the tables hold, and memory that may call back.</summary>
    /// <param name="asid">The address space.</param>
    /// <param name="iova">The address.</param>
    /// <param name="root">The root of the address space, before anything was read.</param>
    /// <param name="directoryEntry">The entry of the directory, if that was read.</param>
    /// <param name="flushes">Flushes of the TLB before anything was read.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint WalkAndKeep(int asid, uint iova, uint root, uint? directoryEntry, long flushes)
    {
        Span<uint> walked = stackalloc uint[_tlb.PagesPerLine];
        Walk(root, iova, directoryEntry, walked);

        // What was flushed meanwhile does not come back by what was read before.
        if (flushes == _tlb.Flushes)
        {
            _changes.Begin();
            walked.CopyTo(_tlb.Add(asid, iova) is { IsEmpty: false } line ? line : walked);
            _changes.End();
        }

        return walked[PageInLine(iova)];
    }

    /// <summary>Entries of a table that are in one line of the page-table cache, or can come there without a call back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryEntriesAtHand(ulong table, uint index, int bytes, out ReadOnlySpan<uint> entries)
    {
        entries = default;
        ulong address = EntryAddress(table, index);
        if (bytes > _ptc.LineSize || !_ptc.TryLine(address, out var line))
        {
            return false;
        }

        entries = MemoryMarshal.Cast<byte, uint>(line.Slice((int)address & (line.Length - 1), bytes));
        return true;
    }

    private int PageInLine(uint iova) => (int)(iova >> TegraEntry.PageShift) & (_tlb.PagesPerLine - 1);

    private Translation Answer(in DmaRequest request, uint word) =>
        IsAllowed(request, word) ? PageOf(request.Iova, word) : Fault(request, word & TegraEntry.RightsMask);

    private static bool IsAllowed(in DmaRequest request, uint word)
    {
        uint needed = (request.IsWrite ? TegraEntry.Writable : TegraEntry.Readable) | (request.IsSecure ? 0 : TegraEntry.NonSecure);
        return (word & needed) == needed;
    }

    private Translation PageOf(ulong iova, uint word) => new(
        IsAllowed: true,
        iova & ~(ulong)PageMask,
        PageMask + 1,
        TegraEntry.Address(word) & ((1ul << _soc.PhysicalBits) - 1),
        TegraFormat.LeafProtection(word, 0));

    /// <summary>The address space of an IOVA. False if there is none: only some clients see more than 4 GiB.</summary>
    private bool TryFindAsid(ulong iova, uint selector, bool isWide, out int asid)
    {
        int window = (int)Math.Min(iova >> 32, int.MaxValue);
        asid = (int)(selector >> (8 * window)) & (_soc.AsidCount - 1);
        return window == 0 || (window <= 3 && isWide);
    }

    private bool IsTranslated(int source, out uint selector, out bool isWide)
    {
        selector = 0;
        isWide = false;
        if ((_smmuConfig & TegraMc.SmmuConfigBits.Enable) == 0
            || (uint)source >= (uint)_routes.Length
            || _routes[source] is not { } route
            || (Held(route.EnableRegister) & route.EnableMask) == 0)
        {
            return false;
        }

        isWide = route.IsWide;
        selector = Held(route.AsidRegister);
        return (selector & TegraMc.SwgroupBits.Enable) != 0;
    }

    /// <summary>
    /// Reads the translations of a whole TLB group: for each page its frame, and the rights that root, directory and table all grant.
    /// </summary>
    private void Walk(uint root, uint iova, uint? directoryEntry, Span<uint> words)
    {
        words.Clear();
        if ((root & TegraEntry.RightsMask) == 0)
        {
            return;
        }

        Span<byte> buffer = stackalloc byte[_ptc.LineSize];
        if (directoryEntry is not { } entry)
        {
            var directory = ReadEntries(TegraEntry.Address(root), iova >> TegraEntry.SectionShift, buffer);
            if (directory.IsEmpty)
            {
                return;
            }

            entry = directory[0];
        }

        uint rights = root & entry & TegraEntry.RightsMask;
        uint first = FirstIndexOfGroup(iova);
        if ((entry & TegraEntry.Next) == 0)
        {
            // A section: the frame's low bits come from the address.
            uint frame = entry & TegraEntry.FrameMask & ~((1u << TegraEntry.IndexBits) - 1);
            for (int page = 0; page < words.Length; page++)
            {
                words[page] = rights | (frame + first + (uint)page);
            }

            return;
        }

        for (int page = 0; page < words.Length;)
        {
            var pages = ReadEntries(TegraEntry.Address(entry), first + (uint)page, buffer);
            if (pages.IsEmpty)
            {
                // Nothing answers where the table should be; the group's other lines are no better.
                return;
            }

            // Of an entry stays its frame, and of its rights what is granted above it too.
            int count = Math.Min(pages.Length, words.Length - page);
            Restrict(pages[..count], TegraEntry.FrameMask | rights, words[page..]);
            page += count;
        }
    }

    /// <summary>Leaves of each entry what a mask has.</summary>
    private static void Restrict(ReadOnlySpan<uint> entries, uint mask, Span<uint> words)
    {
        int i = 0;
        for (; i <= entries.Length - Vector128<uint>.Count; i += Vector128<uint>.Count)
        {
            (Vector128.Create(entries[i..]) & Vector128.Create(mask)).CopyTo(words[i..]);
        }

        for (; i < entries.Length; i++)
        {
            words[i] = entries[i] & mask;
        }
    }

    /// <summary>Where in its table the entry of the first page of a group is.</summary>
    private uint FirstIndexOfGroup(uint iova) =>
        ((iova & ~((1u << _groupShift) - 1)) >> TegraEntry.PageShift) & ((1u << TegraEntry.IndexBits) - 1);

    private ulong EntryAddress(ulong table, uint index) => (table & ((1ul << _soc.PhysicalBits) - 1)) + (index * sizeof(uint));

    /// <summary>The entries of a table from an index to the end of their line in the page-table cache; empty if no memory answers.</summary>
    private ReadOnlySpan<uint> ReadEntries(ulong table, uint index, Span<byte> buffer)
    {
        ulong address = EntryAddress(table, index);
        var line = _ptc.ReadLine(address, buffer);
        return line.IsEmpty ? default : MemoryMarshal.Cast<byte, uint>(line)[((int)(address & (ulong)(line.Length - 1)) / sizeof(uint))..];
    }

    private Translation Fault(in DmaRequest request, uint rights)
    {
        Record(request, TegraFaultType.InvalidSmmuPage, TegraMc.Interrupt.InvalidSmmuPage, rights, request.Iova);
        return Translation.Fault;
    }

    /// <summary>Records a fault, unless one is pending: the first is kept until its interrupt is acknowledged.</summary>
    private void Record(in DmaRequest request, TegraFaultType type, uint interrupt, uint rights, ulong address)
    {
        const uint recording = TegraMc.Interrupt.InvalidSmmuPage | TegraMc.Interrupt.DecodeErrorEmem;
        _faults++;
        if ((_intStatus & recording) == 0)
        {
            _errStatus = TegraFaultStatus.Create(_soc, type, rights, address, request.IsSecure, request.IsWrite, request.Source);
            _errAddress = (uint)address;
        }

        _intStatus |= interrupt;
    }
}

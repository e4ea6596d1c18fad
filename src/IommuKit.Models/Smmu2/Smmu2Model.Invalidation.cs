using IommuKit.Models.Caches;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Invalidations, and the syncs that complete them.</content>
/// <remarks>
/// An invalidation drops what it names and no more. In particular, TLBIIPAS2 leaves translations of both stages alone: software has to follow it by
/// an invalidation of stage 1. Until a sync it may take effect or not; here it does so as late as it may, unless somebody listens.
/// </remarks>
public sealed partial class Smmu2Model<TMemory>
{
    private const int GlobalBank = -1;
    private const int PageShift = 12;
    private const ulong Page32Mask = 0xffff_f000;
    private const ulong Page64Mask = (1ul << 44) - 1;

    private readonly Smmu2Invalidation[] _posted;
    private int _postedCount;
    private bool _isSyncing;
    private int _syncReads;

    /// <summary>Invalidations that were issued and have not taken effect.</summary>
    public int PostedCount
    {
        get
        {
            lock (_gate)
            {
                return _postedCount;
            }
        }
    }

    /// <summary>Lets every invalidation take effect that was issued, as hardware may at any time, and ends accesses from before.</summary>
    public void SettleInvalidations()
    {
        lock (_gate)
        {
            Settle(GlobalBank, coveredOnly: false);
        }

        Accesses.Drain();
    }

    /// <summary>An invalidation through a bank.</summary>
    private void Invalidate(int index, uint register, ulong value)
    {
        var bank = _banks[index];
        bool isSecond = bank.Type == Smmu2BankType.Stage2;
        bool isOfIpa = register is Smmu2Bank.DropIpa or Smmu2Bank.DropIpaLeaf;
        bool isNew = isOfIpa || register is Smmu2Bank.DropVaLeaf or Smmu2Bank.DropVaAllAsidsLeaf;
        if (isOfIpa != isSecond || (isNew && _unit.Version == Smmu2Version.V1))
        {
            return;
        }

        ulong vmid = Builder.VmidOf(index);
        bool is64 = bank.Has64BitTables;
        if (isSecond)
        {
            // In tables of AArch32 too the register has the address from bit 12 on; bits that no IPA has are ignored.
            int bits = Math.Min(_unit.IntermediateBits, is64 ? Smmu2Stage.MostAddressBits : Smmu2Stage.MostLongBits);
            ulong ipa = (value << PageShift) & ((1ul << bits) - 1);
            Post(index, Smmu2Tags.Second | vmid, Smmu2Tags.Second | Smmu2Tags.VmidMask, ipa, register == Smmu2Bank.DropIpaLeaf);
            return;
        }

        ulong mask = Smmu2Tags.Second | Smmu2Tags.VmidMask;
        ulong asid = register == Smmu2Bank.DropAsid ? value & 0xffff : is64 ? value >> Smmu2Bank.AsidShift : value & 0xff;
        bool isWide = is64 && (bank.Control2 & Smmu2Bank.WideAsids) != 0;
        asid = (isWide ? asid : asid & 0xff) << Smmu2Tags.AsidShift;
        ulong va = is64 ? Canonical(value & Page64Mask) : value & Page32Mask;
        switch (register)
        {
            case Smmu2Bank.DropAll:
                PostAll(index, vmid, mask);
                break;
            case Smmu2Bank.DropAsid:
                PostAll(index, vmid | asid, mask | Smmu2Tags.AsidMask | Smmu2Tags.Global);
                break;
            case Smmu2Bank.DropVa or Smmu2Bank.DropVaLeaf:
                Post(index, vmid | asid, mask | Smmu2Tags.AsidMask, va, register == Smmu2Bank.DropVaLeaf);
                break;
            default:
                Post(index, vmid, mask, va, register == Smmu2Bank.DropVaAllAsidsLeaf);
                break;
        }
    }

    /// <summary>An invalidation through the global space.</summary>
    private void InvalidateGlobally(uint register, uint value)
    {
        ulong vmid = (_control & Smmu2Global.Control.WideVmids) != 0 ? (ushort)value : (byte)value;
        switch (register)
        {
            case Smmu2Global.DropVmid:
                PostAll(GlobalBank, vmid, Smmu2Tags.VmidMask);
                break;
            case Smmu2Global.DropVmidFirst when _unit.Version == Smmu2Version.V2:
                PostAll(GlobalBank, vmid, Smmu2Tags.Second | Smmu2Tags.VmidMask);
                break;
            case Smmu2Global.DropAllGuests:
                PostAll(GlobalBank, 0, 0);
                break;
            default:
                // There are no translations of hypervisors.
                break;
        }
    }

    private void PostAll(int bank, ulong space, ulong mask) =>
        Post(new Smmu2Invalidation { Bank = bank, Space = space, SpaceMask = mask, Last = ulong.MaxValue });

    private void Post(int bank, ulong space, ulong mask, ulong page, bool isLeaf) => Post(new Smmu2Invalidation
    {
        Bank = bank,
        Space = space,
        SpaceMask = mask,
        First = page,
        Last = page | ((1ul << PageShift) - 1),
        IsLeaf = isLeaf,
    });

    private void Post(in Smmu2Invalidation invalidation)
    {
        if (_posted.Length == 0 || _invalidated is not null)
        {
            Drop(invalidation);
            Note(NoticeOf(invalidation));
            return;
        }

        if (_postedCount == _posted.Length)
        {
            Drop(_posted[0]);
            _posted.AsSpan(1).CopyTo(_posted);
            _postedCount--;
        }

        _posted[_postedCount++] = invalidation;
    }

    /// <summary>A sync begins, of a bank or of all: it is for everything that was issued.</summary>
    private void BeginSync(int bank)
    {
        for (int i = 0; i < _postedCount; i++)
        {
            _posted[i].IsCovered |= bank == GlobalBank || _posted[i].Bank == bank;
        }

        if (bank == GlobalBank)
        {
            (_isSyncing, _syncReads) = (true, _options.SyncReads);
        }
        else
        {
            (_banks[bank].IsSyncing, _banks[bank].SyncReads) = (true, _options.SyncReads);
        }
    }

    /// <summary>Software looks whether a sync is done. It is done when it is first seen to be.</summary>
    /// <param name="bank">The bank, or −1.</param>
    /// <param name="hasEnded">
    /// Whether none is under way, so that accesses from before have to be waited for: also by somebody whose sync another thread has seen to end.
    /// </param>
    private uint ReadSync(int bank, out bool hasEnded)
    {
        ref bool isSyncing = ref bank == GlobalBank ? ref _isSyncing : ref _banks[bank].IsSyncing;
        ref int reads = ref bank == GlobalBank ? ref _syncReads : ref _banks[bank].SyncReads;
        hasEnded = !isSyncing;
        if (!isSyncing)
        {
            return 0;
        }

        if (reads > 0)
        {
            reads--;
            return Smmu2Global.Active;
        }

        isSyncing = false;
        hasEnded = true;
        Settle(bank, coveredOnly: true);
        return 0;
    }

    private void Settle(int bank, bool coveredOnly)
    {
        int kept = 0;
        for (int i = 0; i < _postedCount; i++)
        {
            ref readonly var posted = ref _posted[i];
            if ((bank == GlobalBank || posted.Bank == bank) && (posted.IsCovered || !coveredOnly))
            {
                Drop(posted);
            }
            else
            {
                _posted[kept++] = _posted[i];
            }
        }

        _postedCount = kept;
    }

    private void Drop(in Smmu2Invalidation invalidation)
    {
        _drops++;
        _invalidations++;
        if (invalidation.IsEverything)
        {
            _pages.Drop(invalidation.Space, invalidation.SpaceMask);
            _tables.Drop(invalidation.Space, invalidation.SpaceMask);
            _brokenSizes = _pages.Classes == 0 ? 0 : _brokenSizes;
            return;
        }

        var (space, mask, first, last) = (invalidation.Space, invalidation.SpaceMask, invalidation.First, invalidation.Last);
        DropClasses(_pages, space, mask, first, last);
        for (ulong broken = _brokenSizes; broken != 0; broken &= broken - 1)
        {
            // Of a page of stage 1, all pieces go with it.
            int origin = int.CreateTruncating(ulong.TrailingZeroCount(broken));
            ulong below = (1ul << origin) - 1;
            DropClasses(_pages, space | ((ulong)(uint)origin << Smmu2Tags.OriginShift), mask | Smmu2Tags.OriginMask, first & ~below, last | below);
        }

        if (!invalidation.IsLeaf)
        {
            DropClasses(_tables, space, mask, first, last);
        }
    }

    private static void DropClasses(HardwareCache cache, ulong space, ulong mask, ulong first, ulong last)
    {
        for (ulong classes = cache.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            cache.Drop(space | Smmu2Tags.ClassOf(shift), mask | HardwareCache.ClassMask, first >> shift, last >> shift);
        }
    }

    // Bit 55 tells the range that an address is in, and stands for all above it.
    private static ulong Canonical(ulong page) => (ulong)((long)(page << 20) >> 20 << PageShift);
}

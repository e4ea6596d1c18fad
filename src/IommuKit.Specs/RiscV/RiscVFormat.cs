using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.RiscV;

/// <summary>
/// The page tables of the RISC-V IOMMU: those of the RISC-V privileged architecture, with leaves at every level and groups of 64 KiB
/// (Svnapot, which an IOMMU must have). Entries are described in <see cref="RiscVEntry"/>.
/// </summary>
/// <remarks>
/// <para>Leaves are stored as used and as written, so that neither hardware nor a fault handler has to set A and D.</para>
/// <para><see cref="Protection.Write"/> includes <see cref="Protection.Read"/>. There is no bit for <see cref="Protection.Cache"/>;
/// <see cref="Protection.Mmio"/> needs Svpbmt, and without it the bits are reserved.</para>
/// <para>U is set unless the mapping is <see cref="Protection.Privileged"/>. The second stage treats every access as unprivileged, so U
/// is always set there.</para>
/// </remarks>
/// <typeparam name="TMode">The mode.</typeparam>
public readonly struct RiscVFormat<TMode> : IPageTableFormat
    where TMode : struct, IRiscVMode
{
    private const int PageShift = 12;
    private const int GroupShift = 16;
    private const int BitsPerLevel = 9;
    private const int SecondStageRootBits = 2;

    // 4 KiB, 64 KiB, 2 MiB, 1 GiB, 512 GiB, 256 TiB.
    private const ulong LeafSizes = (1ul << 12) | (1ul << 16) | (1ul << 21) | (1ul << 30) | (1ul << 39) | (1ul << 48);

    // Bits 15:12 of an address, where a group's entry holds its size.
    private const ulong GroupAddressMask = 0xf000;

    /// <inheritdoc/>
    public static string Name { get; } = $"riscv-{TMode.Name}";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 3;

    /// <inheritdoc/>
    public static int TopLevel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TMode.TopLevel;
    }

    /// <inheritdoc/>
    public static bool SignExtendsInput
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !TMode.IsSecondStage;
    }

    /// <inheritdoc/>
    public static ulong PageSizes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => LeafSizes & ((1ul << (EntryShift(TopLevel) + 1)) - 1);
    }

    /// <inheritdoc/>
    public static int MaxOutputBits => 56;

    /// <inheritdoc/>
    public static ulong SoftwareBit => RiscVEntry.Software;

    /// <inheritdoc/>
    public static bool HasGroups => true;

    /// <inheritdoc/>
    public static bool GroupsRepeatOneEntry => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => BitsPerLevel;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => PageShift + (level * BitsPerLevel);

    /// <inheritdoc/>
    // A mode has one root, whose entries are all there even if software uses fewer bits.
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        level = TopLevel;
        indexBits = BitsPerLevel + (TMode.IsSecondStage ? SecondStageRootBits : 0);
        return inputBits > PageShift && inputBits <= EntryShift(level) + indexBits;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) =>
        (entry & (RiscVEntry.Valid | RiscVEntry.LeafMask)) == RiscVEntry.Valid;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) => (tableAddress >> RiscVEntry.FrameShift) | RiscVEntry.Valid;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => (entry & RiscVEntry.FrameMask) << RiscVEntry.FrameShift;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        RiscVEntry.Valid
        | RiscVEntry.Accessed
        | RiscVEntry.Dirty
        | ((protection & (Protection.Read | Protection.Write)) != 0 ? RiscVEntry.Readable : 0)
        | ((protection & Protection.Write) != 0 ? RiscVEntry.Writable : 0)
        | ((protection & Protection.NoExecute) == 0 ? RiscVEntry.Executable : 0)
        | (TMode.IsSecondStage || (protection & Protection.Privileged) == 0 ? RiscVEntry.User : 0)
        | ((protection & Protection.Mmio) != 0 ? RiscVEntry.MemoryTypeIo : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        (physicalAddress >> RiscVEntry.FrameShift)
        | attributes
        | (sizeLog2 == GroupShift ? RiscVEntry.Napot | RiscVEntry.Napot64K : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << (EntryShift(level) - RiscVEntry.FrameShift);

    /// <inheritdoc/>
    // In a group, N turns into the mask of the bits that hold the size.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) =>
        ((entry & RiscVEntry.FrameMask) << RiscVEntry.FrameShift) & ~((entry / RiscVEntry.Napot) * GroupAddressMask);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => (entry & RiscVEntry.Napot) != 0 ? GroupShift : EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) =>
        ((entry & RiscVEntry.Readable) != 0 ? Protection.Read : 0)
        | ((entry & RiscVEntry.Writable) != 0 ? Protection.Write : 0)
        | ((entry & RiscVEntry.Executable) == 0 ? Protection.NoExecute : 0)
        | ((entry & RiscVEntry.User) == 0 ? Protection.Privileged : 0)
        | ((entry & RiscVEntry.MemoryTypeMask) == RiscVEntry.MemoryTypeIo ? Protection.Mmio : 0);

    /// <inheritdoc/>
    // For an IOMMU that does not set A and D by itself: a page that was never used is a fault, and one that was never written is not writable.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & RiscVEntry.Valid) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        ulong kind = entry & RiscVEntry.LeafMask;
        bool isWriteOnly = (kind & (RiscVEntry.Readable | RiscVEntry.Writable)) == RiscVEntry.Writable;
        if (isWriteOnly || (entry & RiscVEntry.ReservedMask) != 0 || (entry & RiscVEntry.MemoryTypeMask) == RiscVEntry.MemoryTypeMask)
        {
            return WalkEntry.Of(WalkEntryKind.Reserved);
        }

        if (kind == 0)
        {
            return level == 0 || (entry & RiscVEntry.ReservedInPointer) != 0
                ? WalkEntry.Of(WalkEntryKind.Reserved)
                : WalkEntry.Table(TableAddress(entry), level - 1, Protection.Read | Protection.Write, outputBits);
        }

        int size = EntryShift(level);
        if ((entry & RiscVEntry.Napot) != 0)
        {
            size = GroupShift;
            if (level != 0 || (entry & RiscVEntry.NapotMask) != RiscVEntry.Napot64K)
            {
                return WalkEntry.Of(WalkEntryKind.Reserved);
            }
        }

        // A big page has to start at a multiple of its size.
        ulong address = LeafAddress(entry, level);
        if ((address & ((1ul << size) - 1)) != 0)
        {
            return WalkEntry.Of(WalkEntryKind.Reserved);
        }

        if ((entry & RiscVEntry.Accessed) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotAccessed);
        }

        var rights = LeafProtection(entry, level) & ((entry & RiscVEntry.Dirty) != 0 ? ~Protection.None : ~Protection.Write);
        bool isForNobody = TMode.IsSecondStage && (entry & RiscVEntry.User) == 0;
        return WalkEntry.Leaf(address, size, isForNobody ? Protection.None : rights, outputBits);
    }
}

using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <summary>Neighbouring entries of one table that were stored: the unit of a footprint.</summary>
/// <remarks>
/// Four fields of one size, and nothing on the way that takes its address: so the compiler keeps a run in registers from the engine to a policy.
/// Copied from memory just after its fields were stored, it costs as much as the rest of an unmap of one page.
/// </remarks>
public readonly record struct EntryRun
{
    private const int EntryLog2Shift = 32;
    private const int LevelShift = 40;
    private const int ChangeShift = 48;

    // The number of entries below, then a byte for each of the other three.
    private readonly ulong _rest;

    /// <summary>Describes entries.</summary>
    /// <param name="entryAddress">Physical address of the first entry.</param>
    /// <param name="count">How many entries.</param>
    /// <param name="iova">First IOVA that the entries translate.</param>
    /// <param name="span">Bytes of IOVA that they translate.</param>
    /// <param name="entryLog2">Log2 of the bytes in an entry.</param>
    /// <param name="level">Level of the table; 0 holds the smallest pages.</param>
    /// <param name="change">What happened to them.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EntryRun(ulong entryAddress, uint count, ulong iova, ulong span, byte entryLog2, byte level, EntryChange change)
    {
        EntryAddress = entryAddress;
        Iova = iova;
        Span = span;
        _rest = count | ((ulong)entryLog2 << EntryLog2Shift) | ((ulong)level << LevelShift) | ((ulong)(byte)change << ChangeShift);
    }

    /// <summary>Physical address of the first entry.</summary>
    public ulong EntryAddress { get; init; }

    /// <summary>First IOVA that the entries translate.</summary>
    public ulong Iova { get; init; }

    /// <summary>Bytes of IOVA that they translate.</summary>
    public ulong Span { get; init; }

    /// <summary>How many entries.</summary>
    public uint Count
    {
        get => (uint)_rest;
        init => _rest = (_rest & ~(ulong)uint.MaxValue) | value;
    }

    /// <summary>Log2 of the bytes in an entry.</summary>
    public byte EntryLog2 => (byte)(_rest >> EntryLog2Shift);

    /// <summary>Level of the table; 0 holds the smallest pages.</summary>
    public byte Level => (byte)(_rest >> LevelShift);

    /// <summary>What happened to them.</summary>
    public EntryChange Change => (EntryChange)(byte)(_rest >> ChangeShift);

    /// <summary>Bytes of table memory.</summary>
    public uint Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Count << EntryLog2;
    }

    /// <summary>How many of the entries were stored.</summary>
    public uint Stored
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.TableAbandoned or EntryChange.TableMet ? 0 : Count;
    }

    /// <summary>
    /// How many pages of the smallest size the entries translate, or translated. Pointers to tables count nothing: the leaves below do.
    /// </summary>
    /// <param name="granuleLog2">Log2 of that size.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Pages(int granuleLog2) => ChangesTable || (IsDetached && Level != 0) ? 0 : Span >> granuleLog2;

    /// <summary>Whether a cached copy of the old value could let a device use what is no longer mapped.</summary>
    public bool RemovesAccess
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.LeafCleared or EntryChange.TableUnlinked or EntryChange.LeafReplaced;
    }

    /// <summary>Whether vacant entries became valid, and nothing else.</summary>
    public bool AddsAccess
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.LeafWritten or EntryChange.TableLinked or EntryChange.TableMet;
    }

    /// <summary>Whether a pointer to a table changed, so that cached walks of the span are wrong, not only its leaves.</summary>
    public bool ChangesTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.TableLinked or EntryChange.TableUnlinked or EntryChange.TableMet;
    }

    /// <summary>Whether the run makes a table reachable, so that other threads wait to hear that it is visible.</summary>
    public bool LinksTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.TableLinked or EntryChange.TableMet or EntryChange.LeafReplaced;
    }

    /// <summary>
    /// Whether nothing reaches the entries yet, or any more, so that only a cache that holds table memory by physical address can be wrong
    /// about them.
    /// </summary>
    public bool IsDetached
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Change is EntryChange.NewTableWritten or EntryChange.TableAbandoned;
    }

    /// <summary>Joins a run to this one, if the two are of one kind and touch or the other lies within.</summary>
    /// <param name="other">The run to add.</param>
    /// <param name="joined">Both, as one run.</param>
    /// <returns>False if they have to stay apart.</returns>
    public bool TryJoin(in EntryRun other, out EntryRun joined)
    {
        joined = this;

        // Runs that would translate everything there is stay apart: the number of bytes would be too large.
        if (other.Change != Change || other.Level != Level || other.Span >= ulong.MaxValue - Span)
        {
            return false;
        }

        if (Follows(other.EntryAddress, EntryAddress, Bytes) && Follows(other.Iova, Iova, Span))
        {
            joined = this with { Count = Count + other.Count, Span = Span + other.Span };
            return true;
        }

        if (Follows(EntryAddress, other.EntryAddress, other.Bytes) && Follows(Iova, other.Iova, other.Span))
        {
            joined = other with { Count = Count + other.Count, Span = Span + other.Span };
            return true;
        }

        return other.EntryAddress - EntryAddress < Bytes
            && other.Bytes <= Bytes - (other.EntryAddress - EntryAddress)
            && other.Iova - Iova < Span;
    }

    /// <summary>Whether the IOVAs of another run begin where those of this one end.</summary>
    /// <param name="next">The other run.</param>
    internal bool IsFollowedBy(in EntryRun next) => Follows(next.Iova, Iova, Span);

    /// <summary>The last IOVA that the entries translate.</summary>
    public ulong LastIova
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Iova + Span - 1;
    }

    // Numbers end: what begins at 0 follows nothing, also not what ends at the last number.
    private static bool Follows(ulong address, ulong start, ulong bytes) => address == start + bytes && address != 0;
}

namespace IommuKit.Sync;

/// <summary>
/// The primitives by which a driver keeps the caches in front of a device in step with one domain's page table. The policies are written
/// once, on top of these. Implement it on a struct.
/// </summary>
/// <remarks>
/// <para>
/// Each operation has a batch, which begins as <c>default</c>. A piece of it is <see cref="Begin"/>, any number of invalidations and
/// <see cref="Submit"/>; there may be several pieces. <see cref="Wait"/> comes once at the end and covers every piece: outside the locks of the
/// domain, but where others could go on too early (a format without a bit for tables that the walker sees, a table that was empty, a page that is
/// split). Registers are written between <see cref="Begin"/> and <see cref="Submit"/>, under a lock of the driver if sequences must not interleave;
/// commands for a queue are gathered in the batch, and submitted together.
/// </para>
/// <para>
/// The stores to the page table, and whatever they need to be seen by the walker, come before: a full memory fence lies between them and the
/// look whether the hardware <see cref="IsLive"/>. In a piece the table cache comes before the TLB, because a translation that is dropped first could
/// come back from a stale copy of its table; caches of translations in devices come after the TLB for the same reason, and are up to the driver.
/// </para>
/// <para>
/// A member may throw, where hardware fails or a callback does. The operation then goes on to its end and throws the same; from then on nothing
/// counts as dropped until <see cref="InvalidateAll"/> and its <see cref="Wait"/> succeed, which the next operation begins with.
/// </para>
/// </remarks>
/// <typeparam name="TBatch">What a batch holds; <see cref="NoBatch"/> if nothing.</typeparam>
public interface IDomainHardware<TBatch>
    where TBatch : struct
{
    /// <summary>
    /// Whether any cache of the hardware may hold something of this domain. If not, the operation ends without an invalidation: the driver drops
    /// everything when it attaches the first device, after it made this true.
    /// </summary>
    bool IsLive { get; }

    /// <summary>Begins a piece of a batch.</summary>
    void Begin(ref TBatch batch);

    /// <summary>Drops lines of the cache of table memory. Both numbers are multiples of <see cref="FlushTraits.TableCacheLine"/>.</summary>
    void InvalidateTableCache(ref TBatch batch, ulong physicalAddress, ulong bytes);

    /// <summary>Drops cached translations of a range, and more if the hardware cannot tell them apart.</summary>
    void InvalidateTlb(ref TBatch batch, in TlbRange range);

    /// <summary>Drops everything cached of the domain, at the price of what else goes with it.</summary>
    void InvalidateAll(ref TBatch batch);

    /// <summary>
    /// Ends a piece: what it holds is on its way to the hardware. Called also after one of the calls since <see cref="Begin"/> threw.
    /// </summary>
    void Submit(ref TBatch batch);

    /// <summary>Waits until every piece of the batch took effect, and accesses that used what was dropped have ended.</summary>
    void Wait(ref TBatch batch);
}

namespace IommuKit.Sync;

/// <summary>
/// The primitives by which a driver keeps the caches in front of a device in step with one domain's page table. The policies are written
/// once, on top of these. Implement it on a struct.
/// </summary>
/// <remarks>
/// The order of a synchronisation is always: <see cref="Clean"/>, <see cref="Barrier"/>, <see cref="BeginInvalidation"/>,
/// table cache, TLB, <see cref="Complete"/>, <see cref="EndInvalidation"/>. No member throws, but for <see cref="ThrowFailure"/>.
/// </remarks>
internal interface IDomainHardware
{
    /// <summary>Whether any cache of the hardware may hold something of this domain. Attaching and detaching flush everything.</summary>
    bool IsLive { get; }

    /// <summary>Bytes in a line of the CPU's cache.</summary>
    int CacheLine { get; }

    /// <summary>Starts writing cache lines back to memory. Both arguments are multiples of the line size.</summary>
    void Clean(ulong physicalAddress, ulong bytes);

    /// <summary>Waits until cleans and stores before it are visible to the walker.</summary>
    void Barrier();

    /// <summary>Takes the invalidation registers for this thread, where sequences of writes must not be interleaved.</summary>
    void BeginInvalidation();

    /// <summary>Gives them back.</summary>
    void EndInvalidation();

    /// <summary>Drops lines of the table cache. Both arguments are multiples of its line size.</summary>
    void InvalidateTableCache(ulong physicalAddress, ulong bytes);

    /// <summary>Drops cached translations of a range.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="bytes">Size of the range.</param>
    /// <param name="level">Level of the table whose entries changed; above 0, everything cached below those entries goes too.</param>
    void InvalidateTlb(ulong iova, ulong bytes, int level);

    /// <summary>Drops everything cached of the domain, at the price of what else goes with it.</summary>
    void InvalidateAll();

    /// <summary>Waits until the invalidations took effect.</summary>
    void Complete();

    /// <summary>
    /// Whether an invalidation failed, so that nothing counts as dropped until <see cref="InvalidateAll"/> succeeds; constant on hardware that cannot
    /// fail.
    /// </summary>
    bool HasFailed { get; }

    /// <summary>Throws why the last invalidation that failed did so.</summary>
    void ThrowFailure();
}

using IommuKit.PageTables;

namespace IommuKit.Drivers.Vtd;

/// <summary>What can be tuned about the VT-d driver.</summary>
public sealed partial record VtdDriverOptions
{
    /// <summary>By which tables the unit is used.</summary>
    public VtdMode Mode { get; init; }

    /// <summary>
    /// A range is invalidated by up to this many naturally aligned blocks that are exactly it, or by the one smallest aligned block around it where
    /// that would take more. 0 means 4; 1 always takes the one block, as Linux does.
    /// </summary>
    public int BlocksPerRange { get; init; }

    /// <summary>
    /// From how many pages of 4 KiB of one range on an invalidation of the whole domain replaces it. 0 means never, but where the hardware has no
    /// block that is large enough.
    /// </summary>
    public int DomainThreshold { get; init; }

    /// <summary>
    /// Whether invalidations say that only leaves have changed (IH) where that is so, and paging-structure caches keep what they hold. Linux before
    /// 6.19 never said it on the second stage (<see cref="Linux619"/>). Maps, which invalidate in caching mode alone, do not say it.
    /// </summary>
    public bool UsesHint { get; init; } = true;

    /// <summary>Whether all that an operation changed is invalidated as one range, as in Linux; otherwise each range of it by itself.</summary>
    public bool MergesRanges { get; init; }

    /// <summary>
    /// Where ranges are merged: whether an unmap is invalidated in parts, each with a wait behind it. A part ends where the next pages do not touch it,
    /// or where Linux's core goes on with another size of page (<see cref="PageSizes.Select"/>, by the IOVA). Linux does so before 6.19
    /// (iommu_iotlb_gather_add_page).
    /// </summary>
    public bool BeginsAnew { get; init; }

    /// <summary>
    /// Whether device TLBs are invalidated behind a wait of their own for the IOTLB; otherwise right behind the IOTLB's descriptors, as in Linux
    /// since 6.12.
    /// </summary>
    public bool WaitsBeforeDeviceTlb { get; init; } = true;

    /// <summary>
    /// Whether each invalidation has a wait of its own, device TLBs included, as in Linux before 6.12; otherwise one wait is behind all of an operation.
    /// </summary>
    public bool WaitsForEach { get; init; }

    /// <summary>Whether domains map with pages of 2 MiB and 1 GiB where they can, and the hardware has them.</summary>
    public bool UsesLargePages { get; init; } = true;

    /// <summary>Whether the driver has a range flush. Without it, a domain that asks for one works page by page.</summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>When unmaps give page tables back. The driver in Linux does when an unmap covers all that a table translates.</summary>
    public TableRelease Release { get; init; } = TableRelease.WhenCovered;

    /// <summary>Log2 of the descriptors in the invalidation queue, 8 to 15. Linux: 8.</summary>
    public int QueueLog2 { get; init; } = 8;

    /// <summary>
    /// How long hardware may take to come to a wait in the queue, before an operation fails with <see cref="TimeoutException"/>; more than 0. Devices that
    /// do not answer are another matter: of these hardware knows, and reports them.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);
}

using IommuKit.Checker.Shadow;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>The entries in memory that give a device its address space.</summary>
internal interface IVtdEntries
{
    /// <summary>How many pieces of memory these are for one device, at the most.</summary>
    int Most { get; }

    /// <summary>Where they are by now. What is not there yet is told by what leads to it.</summary>
    /// <param name="source">The device.</param>
    /// <param name="ranges">Receives them.</param>
    void Find(VtdSource source, Span<TrackedRange> ranges);

    /// <summary>What they say; null if the device has no address space.</summary>
    /// <param name="source">The device.</param>
    VtdRoute? RouteOf(VtdSource source);

    /// <summary>The word that has the root of a device's page table; null if nothing leads to it.</summary>
    /// <param name="source">The device.</param>
    ulong? RootWordOf(VtdSource source);

    /// <summary>The word of a device's entry that has to be there before the one that says that it is present; null if nothing leads to it.</summary>
    /// <param name="source">The device.</param>
    ulong? LateWordOf(VtdSource source);
}

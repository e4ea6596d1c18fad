using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// A guest's own context descriptors, as its stream table entry has them (IHI 0070, section 5.2): the guest writes them and the tables that they lead
/// to, and chooses the ASIDs.
/// </summary>
/// <param name="Table">
/// S1ContextPtr, where the descriptor or the table of them is in the guest's memory: an IOVA of the domain under it, a multiple of 64.
/// </param>
/// <param name="SubstreamBits">S1CDMax: log2 of the descriptors; 0 for one, and no substreams.</param>
/// <param name="Format">S1Fmt: 0 a linear table, 1 two levels with 64 descriptors in a table, 2 with 1024.</param>
/// <param name="DefaultSubstream">
/// S1DSS, with substreams: without one, 0 ends a transaction, 1 passes the guest's tables by, 2 uses descriptor 0.
/// </param>
public readonly record struct Smmu3GuestContexts(ulong Table, int SubstreamBits = 0, int Format = 0, int DefaultSubstream = 2)
{
    /// <summary>What keeps an SMMU from using them; null if nothing does.</summary>
    internal string? WhyImpossible(Smmu3Unit unit, ulong lastIova) =>
        (Table & (Smmu3ContextDescriptor.Bytes - 1)) != 0 || Table > lastIova ? $"There are no context descriptors at 0x{Table:x}."
        : SubstreamBits < 0 || SubstreamBits > unit.SubstreamBits ? $"{unit.Name} has no SubstreamIDs of {SubstreamBits} bits."
        : Format is < 0 or > 2 || (Format != 0 && !unit.HasTwoLevelContexts) ? $"{unit.Name} has no tables of context descriptors of format {Format}."
        : DefaultSubstream is < 0 or > 2 ? $"There is no S1DSS {DefaultSubstream}."
        : null;
}

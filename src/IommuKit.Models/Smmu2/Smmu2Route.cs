namespace IommuKit.Models.Smmu2;

/// <summary>What becomes of the streams of a group.</summary>
/// <param name="Kind">In short.</param>
/// <param name="Fault">The bit of sGFSR, if they fault.</param>
/// <param name="Path">How they are translated, if they are.</param>
/// <param name="Privilege">PRIVCFG.</param>
/// <param name="Instruction">INSTCFG.</param>
/// <param name="IsNested">Whether it is a bank's CBAR that makes them fault, and not their S2CR.</param>
internal sealed record Smmu2Route(
    Smmu2RouteKind Kind, uint Fault, Smmu2Path? Path, int Privilege, int Instruction, bool IsNested = false)
{
    /// <summary>What a transaction needs after the overrides of its group.</summary>
    public Smmu2Access Override(Smmu2Access access)
    {
        access = Privilege switch
        {
            2 => access & ~Smmu2Access.Privileged,
            3 => access | Smmu2Access.Privileged,
            _ => access,
        };

        // A write is one of data, whatever is said of it.
        return (access & Smmu2Access.Write) != 0 ? access & ~Smmu2Access.Execute : Instruction switch
        {
            2 => access & ~Smmu2Access.Execute,
            3 => access | Smmu2Access.Execute,
            _ => access,
        };
    }
}

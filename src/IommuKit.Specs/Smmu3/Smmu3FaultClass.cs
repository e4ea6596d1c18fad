namespace IommuKit.Specs.Smmu3;

/// <summary>CLASS: what the SMMU was about to reach when it met a fault.</summary>
public enum Smmu3FaultClass
{
    /// <summary>A context descriptor.</summary>
    Context = 0,

    /// <summary>An entry of a page table.</summary>
    Table = 1,

    /// <summary>The address of the transaction.</summary>
    Input = 2,
}

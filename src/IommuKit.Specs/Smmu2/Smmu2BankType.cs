namespace IommuKit.Specs.Smmu2;

/// <summary>CBAR.TYPE: the stages of a context bank.</summary>
public enum Smmu2BankType
{
    /// <summary>Stage 2.</summary>
    Stage2,

    /// <summary>Stage 1, and no stage 2.</summary>
    Stage1,

    /// <summary>Stage 1, after which everything faults.</summary>
    Stage1Fault,

    /// <summary>Stage 1 on top of the stage 2 of another bank.</summary>
    Nested,
}

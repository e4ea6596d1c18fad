namespace IommuKit.Models.Smmu2;

/// <summary>A change of an interrupt line.</summary>
/// <param name="Bank">The context bank that it is of, or <see cref="Global"/>.</param>
/// <param name="IsRaised">Its level.</param>
public readonly record struct Smmu2Interrupt(int Bank, bool IsRaised)
{
    /// <summary>In the place of a bank: the interrupt of global faults.</summary>
    public const int Global = -1;
}

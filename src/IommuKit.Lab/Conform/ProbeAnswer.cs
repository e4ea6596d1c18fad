using System.Globalization;

namespace IommuKit.Lab.Conform;

/// <summary>What became of a probe. What is null is not known, and not compared.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="PhysicalAddress">Where it came out.</param>
/// <param name="Rights">What the mapping allows: "r", "w" or "rw".</param>
/// <param name="SizeLog2">Log2 of the bytes of its page.</param>
/// <param name="FaultKind">The kind of a fault, as the architecture numbers or names it.</param>
/// <param name="FaultRecord">The record of a fault: its bytes in the order of memory, in hexadecimal.</param>
internal sealed record ProbeAnswer(
    ProbeOutcome Outcome,
    ulong? PhysicalAddress = null,
    string? Rights = null,
    int? SizeLog2 = null,
    string? FaultKind = null,
    string? FaultRecord = null)
{
    /// <summary>Whether two answers say the same wherever both say something.</summary>
    public bool Agrees(ProbeAnswer other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Outcome == other.Outcome
            && Same(PhysicalAddress, other.PhysicalAddress)
            && Same(SizeLog2, other.SizeLog2)
            && Same(Rights, other.Rights)
            && Same(FaultKind, other.FaultKind)
            && Same(FaultRecord, other.FaultRecord);
    }

    /// <inheritdoc/>
    public override string ToString() => Outcome switch
    {
        ProbeOutcome.Interrupt => "irq",
        ProbeOutcome.Fault => string.Join(' ', new[] { "fault", FaultKind, FaultRecord }.Where(part => part is not null)),
        _ => string.Create(CultureInfo.InvariantCulture, $"ok pa={PhysicalAddress:x} perm={Rights} shift={SizeLog2}"),
    };

    private static bool Same<T>(T? one, T? other) => one is null || other is null || EqualityComparer<T>.Default.Equals(one, other);
}

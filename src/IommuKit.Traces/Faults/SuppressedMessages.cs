namespace IommuKit.Traces.Faults;

/// <summary>A kernel's note that it left out messages of an IOMMU ("dmar_fault: 65 callbacks suppressed").</summary>
/// <param name="Line">Its line.</param>
/// <param name="Function">The function that would have printed them.</param>
/// <param name="Count">Calls left out; a fault can be several.</param>
public sealed record SuppressedMessages(long Line, string Function, long Count);

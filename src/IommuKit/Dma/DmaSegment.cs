namespace IommuKit.Dma;

/// <summary>Bytes that a device sees as one piece.</summary>
/// <param name="Iova">The first.</param>
/// <param name="Length">How many.</param>
public readonly record struct DmaSegment(ulong Iova, ulong Length);

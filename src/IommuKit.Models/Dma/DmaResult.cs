namespace IommuKit.Models.Dma;

/// <summary>How a DMA ended.</summary>
/// <param name="IsComplete">Whether every byte was transferred.</param>
/// <param name="Transferred">Bytes transferred before it stopped.</param>
public readonly record struct DmaResult(bool IsComplete, int Transferred);

namespace IommuKit.Dma;

/// <summary>Which way data goes through a mapping; it decides what a device may do, and who has to see whose stores.</summary>
public enum DmaDirection
{
    /// <summary>The device reads and writes.</summary>
    Bidirectional,

    /// <summary>The device reads only.</summary>
    ToDevice,

    /// <summary>The device writes only.</summary>
    FromDevice,
}

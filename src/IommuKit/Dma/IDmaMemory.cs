namespace IommuKit.Dma;

/// <summary>Where memory for devices comes from: a pool of a model's memory, or pages of a process. Thread-safe.</summary>
public interface IDmaMemory
{
    /// <summary>Takes zeroed memory, contiguous as the domain sees it, aligned to the domain's granule at least.</summary>
    /// <param name="size">Bytes, at least 1.</param>
    /// <exception cref="IommuException">There is none left (ENOMEM).</exception>
    DmaMemory Allocate(ulong size);

    /// <summary>Gives it back. No device can reach it any more.</summary>
    void Free(DmaMemory memory);
}

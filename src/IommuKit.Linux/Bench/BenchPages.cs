namespace IommuKit.Linux.Bench;

/// <summary>What pages the memory is made of that is mapped.</summary>
internal enum BenchPages
{
    /// <summary>The processor's smallest pages, scattered: neighbours here are none in physical memory.</summary>
    Small,

    /// <summary>Huge pages, of 2 MiB mostly, which root has set aside.</summary>
    Huge,
}

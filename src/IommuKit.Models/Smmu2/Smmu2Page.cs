namespace IommuKit.Models.Smmu2;

/// <summary>A page as the IOTLB has it.</summary>
/// <param name="Address">Its physical address.</param>
/// <param name="Ipa">Its address between the stages; without stage 2 the same.</param>
/// <param name="Rights"><see cref="Smmu2Rights"/>.</param>
/// <param name="SizeLog2">Log2 of its bytes.</param>
internal readonly record struct Smmu2Page(ulong Address, ulong Ipa, ulong Rights, int SizeLog2)
{
    public ulong PhysicalOf(ulong address) => Address | Offset(address);

    public ulong IpaOf(ulong address) => Ipa | Offset(address);

    private ulong Offset(ulong address) => address & ((1ul << SizeLog2) - 1);
}

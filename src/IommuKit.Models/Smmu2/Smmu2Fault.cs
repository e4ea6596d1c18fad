namespace IommuKit.Models.Smmu2;

/// <summary>What a translation met.</summary>
/// <param name="Status">The bit of FSR; 0 for nothing.</param>
/// <param name="IsSecond">Whether it is of stage 2.</param>
/// <param name="Level">The level of the table.</param>
/// <param name="Ipa">The address between the stages, of a fault of stage 2.</param>
/// <param name="IsWalk">Whether it was met on the way to a table of stage 1, not to the page itself.</param>
/// <param name="IsReadAllowed">Of a permission fault, whether a read would be allowed.</param>
internal readonly record struct Smmu2Fault(
    uint Status, bool IsSecond = false, int Level = 0, ulong Ipa = 0, bool IsWalk = false, bool IsReadAllowed = false)
{
    public bool IsNone => Status == 0;
}

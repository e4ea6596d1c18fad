namespace IommuKit.Lab.Inspect;

/// <summary>A range of physical memory, and what is there.</summary>
/// <param name="First">First physical address.</param>
/// <param name="Last">Last physical address.</param>
/// <param name="What">What is there.</param>
internal sealed record InspectRange(ulong First, ulong Last, string What)
{
    /// <summary>Whether another range has some of the same memory.</summary>
    public bool Overlaps(ulong first, ulong last) => First <= last && first <= Last;
}

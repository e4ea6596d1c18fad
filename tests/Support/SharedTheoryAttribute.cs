namespace IommuKit.TestSupport;

/// <summary>A theory that needs the reference material beside the repository, and is left out where it is not there.</summary>
internal sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute()
    {
        Skip = SharedMaterial.WhyLeftOut;
    }
}

namespace IommuKit.TestSupport;

/// <summary>A test that needs the reference material beside the repository, and is left out where it is not there.</summary>
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute()
    {
        Skip = SharedMaterial.WhyLeftOut;
    }
}

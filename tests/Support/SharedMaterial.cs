namespace IommuKit.TestSupport;

internal static class SharedMaterial
{
    /// <summary>Null where the material is there.</summary>
    public static string? WhyLeftOut =>
        Directory.Exists(RepositoryFiles.Shared) ? null : "left out: the reference material is not in the folder \"shared\" beside the repository";
}

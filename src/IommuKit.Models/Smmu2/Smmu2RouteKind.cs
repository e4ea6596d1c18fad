namespace IommuKit.Models.Smmu2;

/// <summary>What becomes of a stream.</summary>
internal enum Smmu2RouteKind
{
    Translate,
    Bypass,
    Fault,
}

namespace IommuKit.Sync;

/// <summary>A part of what threads add to, with a lock of its own; see <see cref="Stripes{TStripe}"/>.</summary>
internal abstract class Stripe : Padded
{
    /// <summary>Held by who adds or takes.</summary>
    public readonly Lock Gate = new();
}

namespace IommuKit.Sync;

/// <summary>
/// Room behind what a thread writes for itself. What is allocated next lies there, and even the first word of an object, its type, is read with nearly
/// every use of it: on a line that is written all the time, each of these waits for the other processor.
/// </summary>
internal sealed class Padding : Padded;

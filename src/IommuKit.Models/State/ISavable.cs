namespace IommuKit.Models.State;

/// <summary>A model whose state an emulator can reset, save and restore: for the guest's reset, for snapshots, and to move a guest to another machine.</summary>
/// <remarks>
/// The state is that of the hardware: registers, what its caches hold (stale entries stay stale), writes and commands that are under way. Memory is not
/// part of it, nor are the listeners that the emulator has set. Accesses of devices that began before a reset or a restore are waited for, as for an invalidation.
/// </remarks>
/// <example>
/// <code>
/// byte[] state = model.Save();
/// // Later, or elsewhere: a model that was made with the same arguments.
/// model.Restore(state);
/// </code>
/// </example>
public interface ISavable
{
    /// <summary>Brings the model into its state after power-on.</summary>
    void Reset();

    /// <summary>The whole state, to be given to <see cref="Restore"/> of a model that was made with the same arguments.</summary>
    byte[] Save();

    /// <summary>Takes a state over. The bytes need not be trusted: whatever they say, the model stays one that hardware could be in.</summary>
    /// <param name="state">What <see cref="Save"/> returned.</param>
    /// <exception cref="InvalidDataException">
    /// They are no state, that of another kind of model or of one made with other arguments, or damaged. The model is then as after <see cref="Reset"/>.
    /// </exception>
    void Restore(ReadOnlySpan<byte> state);
}
